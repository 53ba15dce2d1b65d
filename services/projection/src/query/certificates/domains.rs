//! Certificates by the domains that their names are, or are under.

use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait,
    sea_query::{Expr, ExprTrait, SelectStatement},
};

use crate::{
    query::{condition, filter::Test, names},
    tables::{
        certificate,
        certificate_name::{Column, Entity, reversed},
    },
};

/// One of a certificate's names is this domain, or is under it; or, for "not", none is.
pub(super) fn under(test: &Test) -> Expr {
    let (Test::Is(domain) | Test::IsNot(domain) | Test::Contains(domain)) = test else {
        // Text is compared in no other way.
        return Expr::val(false);
    };
    let domain = names::as_kept(domain);
    let is = Column::Name.eq(domain.as_str());
    let holds = is.or(Column::Name.like(condition::below(&domain)));
    let has = names::has::<Entity>(certificate::Column::Id, Column::CertificateId, holds);
    match test {
        Test::IsNot(_) => has.not(),
        _ => has,
    }
}

/// The ids of all certificates with a name that is this domain, or is under it, each once.
pub(super) fn ids(domain: &str) -> SelectStatement {
    let domain = reversed(&names::as_kept(domain));
    // "/" follows "." and nothing stands between.
    let (first, end) = (format!("{domain}."), format!("{domain}/"));
    let below = Column::Reversed.gte(first).and(Column::Reversed.lt(end));
    let names = Entity::find()
        .select_only()
        .distinct()
        .column(Column::CertificateId)
        .filter(Column::Reversed.eq(domain).or(below));
    names.into_query()
}
