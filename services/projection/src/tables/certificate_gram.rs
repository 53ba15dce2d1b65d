//! Which certificates have which three letters in a row in one of their names: so that a part of a name finds them.
//! What they were once called finds them too; who looks compares the names themselves.

use std::collections::BTreeSet;

use sea_orm::entity::prelude::*;

/// Three letters of one certificate.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "certificate_gram")]
pub struct Model {
    /// The letters: see [`grams`].
    #[sea_orm(primary_key, auto_increment = false)]
    pub gram: i32,
    /// [`super::certificate::Model::number`].
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i64,
}

/// None: it is found by the letters.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Every three letters in a row of a folded text, each as a number. Others may have the same number.
pub fn grams(text: &str) -> BTreeSet<i32> {
    let letters = text.chars().map(u32::from).collect::<Vec<_>>();
    let triples = letters.windows(3).map(|three| {
        three.iter().fold(0_u32, |number, letter| {
            // Letters of most languages that have an alphabet are told apart.
            number.wrapping_mul(1_021).wrapping_add(*letter)
        }) & (i32::MAX as u32)
    });
    // Just masked: it fits.
    triples.map(u32::cast_signed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_text_has_its_grams() {
        let all = grams("www.bücher.example");
        for part in ["www", "bücher", ".example", "büc"] {
            assert!(grams(part).is_subset(&all), "{part}");
            assert_eq!(grams(part).len(), part.chars().count() - 2);
        }
        assert!(!grams("shop").is_subset(&all));
        assert!(grams("ab").is_empty());
    }
}
