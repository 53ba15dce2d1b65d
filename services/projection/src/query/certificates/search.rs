//! What people look for a certificate by, in one field: its name, its hosts, a serial number, a fingerprint.

use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect, QueryTrait,
    sea_query::{Expr, ExprTrait},
};

use super::Field;
use crate::{
    query::{
        condition,
        filter::{Term, Test},
        names,
        question::Searched,
    },
    tables::{
        certificate::Column,
        certificate_name,
        certificate_version::{Column as Version, Entity as Versions},
    },
};

/// What of these terms can be told from parts of names.
pub(super) fn searched(terms: &[Term<Field>]) -> Option<Searched<Column>> {
    let mut found = Searched {
        number: Column::Number,
        texts: Vec::new(),
        or: None,
    };
    let mut any_number = None;
    for term in terms {
        match (term.field, &term.test) {
            (Field::Name | Field::Names, Test::Contains(text)) => found.texts.push(text.clone()),
            (Field::Any, Test::Contains(text)) => match numbered(text) {
                None => found.texts.push(text.clone()),
                Some(_) => any_number = Some(text),
            },
            _ => {}
        }
    }
    if found.texts.is_empty() {
        // It may be a serial number as well.
        let text = any_number?;
        found.or = numbered(text);
        found.texts.push(text.clone());
    }
    Some(found)
}

/// Its name or one of its names passes the test, or a version has that serial number or fingerprint; or, for "not",
/// nothing of it is that.
pub(super) fn any(test: &Test) -> Expr {
    match test {
        Test::IsNot(text) => is(&Test::Is(text.clone()), text).not(),
        Test::Is(text) | Test::Contains(text) => is(test, text),
        // Text is compared in no other way.
        _ => Expr::val(false),
    }
}

fn is(test: &Test, text: &str) -> Expr {
    let named = names::among::<certificate_name::Entity>(
        Column::Id,
        certificate_name::Column::CertificateId,
        certificate_name::Column::Name,
        test,
    );
    let any = condition::on(Column::FriendlyNameFolded, test).or(named);
    match numbered(text) {
        Some(numbered) => any.or(numbered),
        None => any,
    }
}

/// A version has this serial number or fingerprint; nothing, where it can be neither.
pub(super) fn numbered(text: &str) -> Option<Expr> {
    let number = number(text)?;
    let either = Condition::any()
        .add(Version::SerialNumber.eq(number.as_str()))
        .add(Version::Sha256Fingerprint.eq(number));
    let versions = Versions::find()
        .select_only()
        .column(Version::CertificateId)
        .filter(either);
    Some(Column::Id.in_subquery(versions.into_query()))
}

/// A serial number or a fingerprint as it is kept, from what people paste.
fn number(text: &str) -> Option<String> {
    let hex = text.replace([':', ' '], "").to_ascii_lowercase();
    let whole = hex.len() >= 2 && hex.bytes().all(|b| b.is_ascii_hexdigit());
    whole.then_some(hex)
}
