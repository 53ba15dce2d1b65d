//! How long the walk to a page is: in the list's order, past all rows that are not asked for, unless those that are asked
//! for are few, and found first.

use api::projection::v1::CertificateStatus;
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait,
    sea_query::{Expr, ExprTrait, SelectStatement},
};

use super::{Field, domains};
use crate::{
    query::{
        condition,
        filter::{Term, Test},
        question::List as _,
    },
    tables::certificate::{Column, Entity},
};

/// Whether a field has two values, or a few.
pub(super) fn is_flag(field: Field) -> bool {
    use Field as F;
    matches!(
        field,
        F::Key | F::Chain | F::Authority | F::Own | F::Deleted | F::Renewal | F::Algorithm
    )
}

/// The ids of all rows that these terms can yield, and of others: each may be few.
pub(super) fn seldom(terms: &[Term<Field>], by: Field, now: i64) -> Vec<SelectStatement> {
    let of = |holds| {
        let ids = Entity::find().select_only().column(Column::Id);
        ids.filter(holds).into_query()
    };
    let holding = holding(terms, by, now);
    let mut all = holding.into_iter().map(of).collect::<Vec<_>>();
    for Term { field, test } in terms {
        if let (Field::Domain, Test::Is(domain)) = (field, test) {
            all.push(domains::ids(domain));
        }
    }
    all
}

/// What holds of all rows that these terms can yield, each by itself, where an index finds those of which it does.
fn holding(terms: &[Term<Field>], by: Field, now: i64) -> Vec<Expr> {
    let mut all = Vec::new();
    for Term { field, test } in terms {
        let condition = field.condition(test, now);
        let is_looked_up = matches!(field, Field::Name | Field::Names | Field::Any);
        match test {
            Test::Is(_) if is_looked_up => all.push(condition),
            // In the order of names an index has them.
            _ if is_found(*field, test) && (by != Field::Name || terms.len() > 1) => {
                all.push(condition);
            }
            Test::Equals(wanted) if matches!(field, Field::Status) => {
                all.extend(of_status(*wanted, condition, now));
            }
            _ => {}
        }
    }
    // Not valid and not yet to be: all others together.
    let differs = |status| {
        let differs = Test::Differs(status as i64);
        let mut terms = terms.iter();
        terms.any(|term| matches!(term.field, Field::Status) && term.test == differs)
    };
    if differs(CertificateStatus::Valid) && differs(CertificateStatus::NotYetValid) {
        all.push(Column::CalmUntil.lte(now));
    }
    all
}

/// Whether an index finds those that a flag's test asks for: of two values the rarer ones alone, see [`condition::flag`].
fn is_found(field: Field, test: &Test) -> bool {
    use Field as F;
    match field {
        F::Authority | F::Deleted => condition::wanted(test),
        F::Key | F::Chain | F::Own => !condition::wanted(test),
        F::Renewal => true,
        F::Algorithm => matches!(test, Test::Equals(_)),
        _ => false,
    }
}

/// Those that have this status, as an index finds them.
fn of_status(status: i64, condition: Expr, now: i64) -> Option<Expr> {
    use CertificateStatus as S;
    match self::status(status)? {
        S::Valid => None,
        S::Revoked => Some(Column::Revoked.eq(true)),
        S::NotYetValid => Some(Column::NotBefore.gt(now)),
        _ => Some(Column::CalmUntil.lte(now).and(condition)),
    }
}

/// Where the walk in the order of ends begins or ends, by the status that is asked for.
pub(super) fn stretch(terms: &[Term<Field>], by: Field, now: i64) -> Option<Expr> {
    use CertificateStatus as S;
    let mut wanted = terms
        .iter()
        .filter_map(|term| match (term.field, &term.test) {
            (Field::Status, Test::Equals(wanted)) => status(*wanted),
            _ => None,
        });
    match wanted.next().filter(|_| by == Field::NotAfter)? {
        S::Expired => Some(Column::NotAfter.lt(now)),
        S::Valid | S::Expiring | S::Renewing | S::Error => Some(Column::NotAfter.gte(now)),
        _ => None,
    }
}

fn status(number: i64) -> Option<CertificateStatus> {
    CertificateStatus::try_from(i32::try_from(number).ok()?).ok()
}
