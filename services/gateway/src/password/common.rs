//! Passwords of twelve characters and more that are guessed first.

/// Whether a password, in lower case, is one of them: on the list, or the same few characters again and again, or
/// a run of keys.
pub fn is_common(folded: &str) -> bool {
    LIST.contains(&folded) || repeats(folded) || RUNS.iter().any(|run| is_in_run(run, folded))
}

/// One to four characters, again and again.
fn repeats(text: &str) -> bool {
    let characters = text.chars().collect::<Vec<_>>();
    (1..=4).any(|period| {
        let again = characters.iter().zip(characters.iter().skip(period));
        again.clone().count() > 0 && again.into_iter().all(|(a, b)| a == b)
    })
}

/// A piece of a run that begins anew at its end.
fn is_in_run(run: &str, text: &str) -> bool {
    let rounds = text.len() / run.len() + 2;
    run.repeat(rounds).contains(text)
}

/// Rows of keys, and the orders that everybody knows.
const RUNS: [&str; 5] = [
    "1234567890",
    "0987654321",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
];

/// From the lists of leaked passwords that are public, those of this length that are most frequent, and what
/// stands on a door like this one.
const LIST: [&str; 60] = [
    "1q2w3e4r5t6y",
    "1q2w3e4r5t6y7u",
    "1qaz2wsx3edc",
    "1qaz2wsx3edc4rfv",
    "qazwsxedcrfv",
    "q1w2e3r4t5y6",
    "zaq12wsxcde3",
    "qwertyuiop12",
    "qwertyuiop123",
    "qwertyuiop[]",
    "qwerty123456",
    "qwerty1234567",
    "123456qwerty",
    "1234567890qwerty",
    "123456789abc",
    "123456789qwerty",
    "abc123456789",
    "abcd12345678",
    "abcdef123456",
    "a123456789012",
    "asdfghjkl123",
    "asdfghjkl;'",
    "zxcvbnm12345",
    "password1234",
    "password12345",
    "password123456",
    "passwordpassword",
    "password123!",
    "password2024",
    "password2025",
    "password2026",
    "p@ssw0rd1234",
    "p@ssword1234",
    "passw0rd1234",
    "mypassword123",
    "mypassword1234",
    "adminadmin123",
    "administrator",
    "administrator1",
    "administrator123",
    "admin1234567",
    "admin12345678",
    "letmein12345",
    "letmeinplease",
    "iloveyou1234",
    "iloveyou12345",
    "iloveyouforever",
    "welcome12345",
    "welcome123456",
    "changeme1234",
    "changemeplease",
    "sunshine1234",
    "princess1234",
    "football1234",
    "superman1234",
    "trustno1trustno1",
    "correcthorsebatterystaple",
    "chancery1234",
    "chancery12345",
    "chancerychancery",
];
