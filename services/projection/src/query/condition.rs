//! Terms as conditions. Every value is bound; none becomes part of the statement's text.

use api::projection::v1::CertificateStatus;
use sea_orm::{
    ColumnTrait,
    sea_query::{Expr, ExprTrait, LikeExpr},
};

use super::filter::Test;
use crate::status::Columns;

/// The test, of a column that holds what it compares: folded text, microseconds, or a number.
pub fn on(column: impl ColumnTrait, test: &Test) -> Expr {
    match test {
        Test::Is(text) => column.eq(text.as_str()),
        Test::IsNot(text) => column.ne(text.as_str()),
        Test::Contains(text) => column.like(containing(text)),
        Test::Below(number) => column.lt(*number),
        Test::Above(number) => column.gt(*number),
        Test::Equals(number) => column.eq(*number),
        Test::Differs(number) => column.ne(*number),
    }
}

/// Whether a choice between two words, 1 and 0, is the one whose number is 1.
pub fn wanted(test: &Test) -> bool {
    match test {
        Test::Equals(number) => *number != 0,
        Test::Differs(number) => *number == 0,
        // A choice is compared in no other way.
        _ => false,
    }
}

/// The test, of a column with two values. Only the rarer one is written so that an index is looked
/// for: of rows that are nearly all alike, walking in the list's order finds a page sooner.
pub fn flag(column: impl ColumnTrait, rarer: bool, test: &Test) -> Expr {
    if wanted(test) == rarer {
        column.eq(rarer)
    } else {
        column.ne(rarer)
    }
}

/// Whether a row has that status, or another, at this moment.
pub fn status<C: ColumnTrait>(standing: Columns<C>, test: &Test, now: i64) -> Expr {
    let (wanted, equal) = match test {
        Test::Equals(wanted) => (*wanted, true),
        Test::Differs(wanted) => (*wanted, false),
        // A choice is compared in no other way.
        _ => return Expr::val(false),
    };
    let wanted = i32::try_from(wanted).ok();
    let wanted = wanted.and_then(|wanted| CertificateStatus::try_from(wanted).ok());
    let is = standing.have(wanted.unwrap_or_default(), now);
    if equal { is } else { is.not() }
}

/// The words of a status.
pub const STATUSES: &[(&str, i32)] = &[
    ("valid", CertificateStatus::Valid as i32),
    ("expiring", CertificateStatus::Expiring as i32),
    ("renewing", CertificateStatus::Renewing as i32),
    ("pending", CertificateStatus::Pending as i32),
    ("error", CertificateStatus::Error as i32),
    ("expired", CertificateStatus::Expired as i32),
    ("revoked", CertificateStatus::Revoked as i32),
    ("not-yet-valid", CertificateStatus::NotYetValid as i32),
];

/// The same condition, for which no index is looked.
pub fn of_no_index(condition: Expr) -> Expr {
    Expr::case(condition, 1).finally(0).eq(1)
}

/// The words of a field that is true or false.
pub const TRUE_FALSE: &[(&str, i32)] = &[("true", 1), ("false", 0)];

/// The pattern of LIKE for texts that contain this one, with nothing in it that matches anything else.
pub fn containing(text: &str) -> LikeExpr {
    LikeExpr::new(format!("%{}%", literal(text))).escape(ESCAPE)
}

/// The pattern of LIKE for names below this one, at any depth.
pub fn below(name: &str) -> LikeExpr {
    LikeExpr::new(format!("_%.{}", literal(name))).escape(ESCAPE)
}

fn literal(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '%' | '_' | ESCAPE) {
            pattern.push(ESCAPE);
        }
        pattern.push(character);
    }
    pattern
}

/// Not a backslash: the databases do not agree on how that one is written in a literal.
const ESCAPE: char = '!';

#[cfg(test)]
mod tests {
    use sea_orm::{
        EntityTrait, QueryFilter, QueryTrait,
        sea_query::{PostgresQueryBuilder, SqliteQueryBuilder},
    };

    use super::*;
    use crate::tables::server::{Column, Entity};

    #[test]
    fn values_are_bound_and_wildcards_are_literal() {
        let hostile = "50%_!'; DROP TABLE event; --";
        for test in [
            Test::Is(hostile.into()),
            Test::IsNot(hostile.into()),
            Test::Contains(hostile.into()),
        ] {
            let query = Entity::find()
                .filter(on(Column::NameFolded, &test))
                .into_query();
            for (sql, values) in [
                query.build(SqliteQueryBuilder),
                query.build(PostgresQueryBuilder),
            ] {
                assert!(!sql.contains("DROP"), "{sql}");
                assert_eq!(values.iter().count(), 1, "{sql}");
            }
        }
        let query = Entity::find()
            .filter(on(Column::NameFolded, &Test::Contains("50%_!".into())))
            .into_query();
        let (sql, values) = query.build(SqliteQueryBuilder);
        assert!(sql.ends_with("LIKE ? ESCAPE '!'"), "{sql}");
        assert_eq!(values.iter().next(), Some(&"%50!%!_!!%".into()));
    }
}
