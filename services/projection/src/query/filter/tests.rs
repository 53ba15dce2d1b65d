use proptest::prelude::*;
use time::macros::datetime;

use super::*;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fruit {
    Name,
    Picked,
    Weight,
    Ripe,
}

impl Field for Fruit {
    const ALL: &'static [Self] = &[Self::Name, Self::Picked, Self::Weight, Self::Ripe];

    fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Picked => "picked",
            Self::Weight => "weight",
            Self::Ripe => "ripe",
        }
    }

    fn kind(self) -> Kind {
        match self {
            Self::Name => Kind::Text,
            Self::Picked => Kind::Time,
            Self::Weight => Kind::Number,
            Self::Ripe => Kind::Choice(&[("ripe", 1), ("not-yet", 2)]),
        }
    }
}

fn terms(filter: &str) -> Vec<(Fruit, Test)> {
    let terms = parse::<Fruit>(filter).unwrap();
    terms.into_iter().map(|t| (t.field, t.test)).collect()
}

fn errors(filter: &str) -> Vec<String> {
    let errors = parse::<Fruit>(filter).unwrap_err();
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn every_operator_is_read() {
    let day = micros(datetime!(2027-01-01 00:00 UTC));
    let text = |t: &str| t.to_owned();
    assert_eq!(terms(""), []);
    assert_eq!(terms("  \t "), []);
    assert_eq!(
        terms(
            "name=Apple name!=pear  name:\"Granny Smith\" picked<2027-01-01 picked>2027-01-01T01:00:00+01:00"
        ),
        [
            (Fruit::Name, Test::Is(text("apple"))),
            (Fruit::Name, Test::IsNot(text("pear"))),
            (Fruit::Name, Test::Contains(text("granny smith"))),
            (Fruit::Picked, Test::Below(day)),
            (Fruit::Picked, Test::Above(day)),
        ]
    );
    assert_eq!(
        terms("weight=1 weight!=2 weight<3 weight>4 ripe=NOT_YET ripe!=ripe"),
        [
            (Fruit::Weight, Test::Equals(1)),
            (Fruit::Weight, Test::Differs(2)),
            (Fruit::Weight, Test::Below(3)),
            (Fruit::Weight, Test::Above(4)),
            (Fruit::Ripe, Test::Equals(2)),
            (Fruit::Ripe, Test::Differs(1)),
        ]
    );
}

#[test]
fn a_value_may_hold_operators_and_escaped_quotes() {
    let name = |t: &str| vec![(Fruit::Name, Test::Is(t.to_owned()))];
    assert_eq!(terms("name=a=b:c<d"), name("a=b:c<d"));
    assert_eq!(
        terms(r#"name="say \"hi\" \\ bye""#),
        name(r#"say "hi" \ bye"#)
    );
    assert_eq!(terms(r#"name="""#), name(""));
    assert_eq!(terms("name=';--"), name("';--"));
}

#[test]
fn everything_wrong_is_told_at_once_and_says_what_would_be_right() {
    assert_eq!(
        errors("apple colour=red name<x picked=2027-01-01 picked<soon weight>-1 ripe=rotten name="),
        [
            "\"apple\" is not a term: write field=value, field!=value, field:text, field<value or field>value",
            "there is no field \"colour\"; there are name, picked, weight and ripe",
            "name is text and cannot be compared with <; use =, != or :",
            "picked is a time and cannot be compared with =; use < or >",
            "\"soon\" is not a time for picked: write a date like 2027-01-31, or RFC 3339 like 2027-01-31T08:00:00Z",
            "\"-1\" is not a whole number for weight",
            "ripe is never \"rotten\"; it is one of ripe and not-yet",
            "name has nothing to compare with: a value follows = at once (\"\" for an empty one)",
        ]
    );
    assert_eq!(
        errors("name=\"open weight=1"),
        ["the value of name begins with a double quote and never ends with one"]
    );
    assert_eq!(errors("name=a\"b name=\"a\"b").len(), 2);
    assert_eq!(
        errors("name=a\u{7}b"),
        ["the value of name has a control character in it"]
    );
    assert_eq!(
        errors("=x"),
        [
            "\"=x\" is not a term: write field=value, field!=value, field:text, field<value or field>value"
        ]
    );
}

#[test]
fn a_filter_has_a_longest_length_and_an_echo_too() {
    let fits = format!("name={}", "ä".repeat(MAX_LENGTH - 5));
    assert_eq!(terms(&fits).len(), 1);
    assert_eq!(
        errors(&format!("{fits}x")),
        ["is 1001 characters long; at most 1000 are read"]
    );
    let unknown = errors(&format!("{}=1", "x".repeat(900)));
    assert!(unknown[0].len() < 200, "{unknown:?}");
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(filter in "\\PC{0,60}") {
        let _ = parse::<Fruit>(&filter);
    }

    #[test]
    fn any_value_comes_through_in_quotes(value in "[^\\p{Cc}]{0,40}") {
        let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
        prop_assert_eq!(
            terms(&format!("name=\"{quoted}\" weight=1")),
            [(Fruit::Name, Test::Is(folded(&value))), (Fruit::Weight, Test::Equals(1))]
        );
    }
}
