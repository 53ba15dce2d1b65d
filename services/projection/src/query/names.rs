//! Names as people write them in a filter, and as tables hold them.

use std::net::IpAddr;

use api::CertificateFilter;
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect, QueryTrait, sea_query::Expr,
    sea_query::ExprTrait,
};

use super::{condition, filter::Test};

/// Any of a row's names passes the test; or, for "not", none of them is it. `row` is the column of
/// the row's id, which the names' table has as `of_row`.
pub fn among<N: EntityTrait>(
    row: impl ColumnTrait,
    of_row: N::Column,
    name: N::Column,
    test: &Test,
) -> Expr {
    let named = |test: &Test| {
        let names = N::find()
            .select_only()
            .column(of_row)
            .filter(condition::on(name, test));
        row.in_subquery(names.into_query())
    };
    match test {
        Test::Is(name) => named(&Test::Is(as_kept(name))),
        Test::IsNot(name) => named(&Test::Is(as_kept(name))).not(),
        // Asked of each row by its id: else all names that there are would be compared first.
        other => has::<N>(row, of_row, condition::on(name, other)),
    }
}

/// The row has a name of which this holds. Columns as for [`among`].
pub fn has<N: EntityTrait>(row: impl ColumnTrait, of_row: N::Column, holds: Expr) -> Expr {
    let names = N::find()
        .select_only()
        .expr(Expr::val(1))
        .filter(of_row.into_expr().eq(row.into_expr()))
        .filter(holds);
    Expr::exists(names.into_query())
}

/// The row has names, and they are all among those that a caller is held to. Columns as for [`among`].
pub fn within<N: EntityTrait>(
    row: impl ColumnTrait,
    of_row: N::Column,
    name: N::Column,
    held_to: &CertificateFilter,
) -> Expr {
    let covered = held_to
        .names()
        .iter()
        .map(|own| match own.strip_prefix("*.") {
            Some(parent) => name.like(condition::below(parent)),
            None => name.eq(own.as_str()),
        });
    let covered = covered.fold(Condition::any(), Condition::add);
    // Asked of each row by its id: a page of few rows looks at few names.
    let has = |names: Condition| {
        let names = N::find()
            .select_only()
            .expr(Expr::val(1))
            .filter(of_row.into_expr().eq(row.into_expr()))
            .filter(names);
        Expr::exists(names.into_query())
    };
    has(covered.clone()).and(has(covered.not()).not())
}

/// A name as tables hold it: addresses in their shortest form, DNS names as A-labels without a final dot.
pub fn as_kept(name: &str) -> String {
    if let Ok(address) = name.parse::<IpAddr>() {
        return address.to_string();
    }
    let name = name.strip_suffix('.').unwrap_or(name);
    match idna::domain_to_ascii(name) {
        Ok(ascii) if !name.is_ascii() => ascii,
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_looked_up_as_they_are_kept() {
        assert_eq!(as_kept("www.example.com."), "www.example.com");
        assert_eq!(as_kept("bücher.example"), "xn--bcher-kva.example");
        assert_eq!(as_kept("2001:db8:0:0:0:0:0:1"), "2001:db8::1");
        assert_eq!(as_kept("*.example.com"), "*.example.com");
    }
}
