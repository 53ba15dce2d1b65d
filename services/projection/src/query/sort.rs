//! The order of a list: one field, with "-" before it for the reverse. Pure; knows no table.

use super::filter::{Field, listed};

/// The longest sort, in characters: no field's name comes near it.
const MAX_LENGTH: usize = 100;

/// In which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The least first.
    Ascending,
    /// The greatest first.
    Descending,
}

/// A list's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort<F> {
    /// By which field.
    pub field: F,
    /// Which end first.
    pub direction: Direction,
}

/// A field that the list cannot be sorted by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot sort by {given:?}; sort by {known}, with \"-\" before it for the reverse")]
pub struct SortError {
    given: String,
    known: String,
}

/// The order that was asked for, or `default` where none was. `sortable` says which fields can be sorted by.
///
/// # Errors
/// [`SortError`], which names those that can.
pub fn parse<F: Field>(
    sort: &str,
    default: Sort<F>,
    sortable: impl Fn(F) -> bool,
) -> Result<Sort<F>, SortError> {
    let sort = sort.trim();
    if sort.is_empty() {
        return Ok(default);
    }
    let (name, direction) = match sort.strip_prefix('-') {
        Some(name) => (name, Direction::Descending),
        None => (sort, Direction::Ascending),
    };
    let fields = || F::ALL.iter().copied().filter(|field| sortable(*field));
    let field = fields().find(|field| field.name() == name);
    field
        .map(|field| Sort { field, direction })
        .ok_or_else(|| SortError {
            given: sort.chars().take(MAX_LENGTH).collect(),
            known: listed(fields().map(|field| field.name())),
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::filter::Kind;

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Fruit {
        Name,
        Colours,
        Weight,
    }

    impl Field for Fruit {
        const ALL: &'static [Self] = &[Self::Name, Self::Colours, Self::Weight];

        fn name(self) -> &'static str {
            match self {
                Self::Name => "name",
                Self::Colours => "colours",
                Self::Weight => "weight",
            }
        }

        fn kind(self) -> Kind {
            Kind::Text
        }
    }

    #[test]
    fn one_field_either_way() {
        let sort = |field, direction| Sort { field, direction };
        let default = sort(Fruit::Name, Direction::Ascending);
        let parse = |text| parse(text, default, |f| f != Fruit::Colours);
        assert_eq!(parse(""), Ok(default));
        assert_eq!(
            parse("weight"),
            Ok(sort(Fruit::Weight, Direction::Ascending))
        );
        assert_eq!(parse("-name"), Ok(sort(Fruit::Name, Direction::Descending)));
        for wrong in [
            "colours",
            "--name",
            "name,weight",
            "name; DROP TABLE fruit",
            "-",
        ] {
            let error = parse(wrong).unwrap_err().to_string();
            assert_eq!(
                error,
                format!(
                    "cannot sort by {wrong:?}; sort by name and weight, with \"-\" before it for the reverse"
                )
            );
        }
    }
}
