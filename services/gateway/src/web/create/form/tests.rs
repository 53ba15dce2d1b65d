//! What is typed, as the API is asked; and what it says, as the form shows it.

use super::*;

fn form(san: &[&str], more: &str) -> Form {
    Form {
        san: san.iter().map(|&name| name.to_owned()).collect(),
        more: more.into(),
        ..Form::default()
    }
}

#[test]
fn names_are_typed_one_by_one_or_as_a_list() {
    let mut form = form(
        &["a.example"],
        "b.example, 2001:db8::7\n*.c.example a.example",
    );
    assert!(form.add_typed().is_empty());
    assert_eq!(
        form.san,
        ["a.example", "b.example", "2001:db8::7", "*.c.example"]
    );
    assert_eq!(form.more, "");
    let names = form.names();
    assert_eq!(names.ip_addresses, ["2001:db8::7"]);
    assert_eq!(names.dns_names, ["a.example", "b.example", "*.c.example"]);
}

#[test]
fn what_is_no_name_stays_where_it_was_typed_and_all_else_is_said_too() {
    let mut form = form(&[], "a.example access_example");
    form.c = "Germany".into();
    let wrong = form.add_typed();
    assert_eq!(form.more, "access_example");
    assert_eq!(form.san, ["a.example"]);
    let wrongs = form.wrongs_beside(wrong);
    let fields = wrongs.all().map(|(field, _)| field).collect::<Vec<_>>();
    assert_eq!(fields, ["name", "more", "c"]);
    let why = wrongs.why("more").unwrap();
    let said = "“access_example” is not a DNS name or an IP address";
    assert!(why.starts_with(said), "{why}");
}

#[test]
fn a_chip_is_taken_off() {
    let mut form = form(&["a.example", "b.example"], "");
    form.remove = Some("a.example".into());
    form.take_off();
    assert_eq!(form.san, ["b.example"]);
}

#[test]
fn without_names_the_common_name_is_meant() {
    let mut form = form(&[], "");
    form.cn = " shop.example ".into();
    assert_eq!(form.names().dns_names, ["shop.example"]);
    form.cn = "Shop AG".into();
    assert!(form.names().dns_names.is_empty());
}

#[test]
fn what_the_api_refuses_stands_beside_its_field_in_the_order_of_the_form() {
    let violation = |field: &str| FieldViolation {
        field: field.into(),
        description: "it is empty".into(),
    };
    let refused = Refused {
        reason: Some("INVALID_REQUEST".into()),
        message: "the request is not valid".into(),
        fields: [
            "subject.country",
            "friendly_name",
            "subject_alt_names.dns_names[0]",
        ]
        .map(violation)
        .into(),
    };
    let wrongs = form(&["127.0.0.1", "https://x"], "").wrongs(refused);
    let all = wrongs.all().collect::<Vec<_>>();
    assert_eq!(all[0], ("name", "Give it a name."));
    assert_eq!(all[1].0, "more");
    assert!(all[1].1.contains("“https://x”"), "{}", all[1].1);
    assert_eq!(all[2], ("c", "It is empty."));
}

#[test]
fn a_name_that_is_taken_is_said_at_the_name() {
    let refused = Refused {
        reason: Some("NAME_TAKEN".into()),
        message: "Another certificate is named \"shop\"; choose another name.".into(),
        fields: Vec::new(),
    };
    let wrongs = form(&[], "").wrongs(refused);
    assert!(wrongs.why("name").unwrap().ends_with("Add the year?"));
    assert_eq!(wrongs.len(), 1);
}

#[test]
fn a_lifetime_that_is_no_number_is_refused() {
    for (typed, days) in [
        ("", 0),
        (" 90 ", 90),
        ("0", u32::MAX),
        ("-1", u32::MAX),
        ("x", u32::MAX),
    ] {
        let form = Form {
            days: typed.into(),
            ..Form::default()
        };
        assert_eq!(form.days(), days, "{typed:?}");
    }
}
