//! Internationalized names as people read them (RFC 5890): the U-label of an A-label, where it deceives nobody.

use idna::uts46::{AsciiDenyList, Hyphens, Uts46};

use super::DnsName;

impl DnsName {
    /// The name for showing: with U-labels, "bücher.example" for "xn--bcher-kva.example".
    ///
    /// A label stays an A-label where its U-label could be read as another name: ASCII letters among those of a script
    /// that is not Latin, or Cyrillic ones that look like ASCII alone. So does the whole name where what is shown would
    /// not be read as this name again.
    pub fn to_unicode(&self) -> String {
        let (wildcard, host) = match self.0.strip_prefix("*.") {
            Some(host) => ("*.", host),
            None => ("", self.as_str()),
        };
        let (host, understood) = Uts46::new().to_user_interface(
            host.as_bytes(),
            AsciiDenyList::STD3,
            Hyphens::CheckFirstLast,
            |label, _, _| is_plain(label),
        );
        let shown = format!("{wildcard}{host}");
        let is_this_name = DnsName::try_from(shown.as_str()).as_ref() == Ok(self);
        if understood.is_ok() && is_this_name {
            shown
        } else {
            self.0.clone()
        }
    }
}

fn is_plain(label: &[char]) -> bool {
    let has_ascii_letters = label.iter().any(char::is_ascii_alphabetic);
    let others = || label.iter().filter(|c| !c.is_ascii());
    let is_latin = others().all(|c| matches!(c, '\u{b7}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}'));
    let is_lookalike = others().all(|&c| LOOKALIKES.contains(c));
    is_latin || !(has_ascii_letters || is_lookalike)
}

/// Cyrillic letters in the shape of Latin ones.
const LOOKALIKES: &str = "асԁеһіјӏорԛѕԝхуѵѡгпҽьъ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shown_as_people_write_them() {
        for name in [
            "www.example.com",
            "bücher.example",
            "*.straße.example",
            "例え.テスト",
            "правда.рф",
            "ελλάδα.example",
            "דוגמה.example",
            "r3---sn-4g5.example",
        ] {
            assert_eq!(DnsName::try_from(name).unwrap().to_unicode(), name);
        }
    }

    #[test]
    fn a_label_that_looks_like_another_name_is_shown_as_it_stands() {
        for (deceptive, shown) in [
            // A Cyrillic "а" among Latin letters, and "apple" in Cyrillic alone.
            ("p\u{430}ypal.example", "xn--pypal-4ve.example"),
            ("\u{430}рр\u{4cf}\u{435}.example", "xn--80ak6aa92e.example"),
            // Next to a label that deceives nobody.
            (
                "bücher.p\u{430}ypal.example",
                "bücher.xn--pypal-4ve.example",
            ),
        ] {
            assert_eq!(DnsName::try_from(deceptive).unwrap().to_unicode(), shown);
        }
    }
}
