//! Where a person goes once he is through a door: a path of ours, or the start page.

/// The path and query, where it can lead nowhere but to a page of this very host; else "/".
pub fn own_path(wanted: Option<&str>) -> &str {
    wanted.filter(|path| is_own(path)).unwrap_or("/")
}

fn is_own(path: &str) -> bool {
    let mut bytes = path.bytes();
    // Two slashes begin with a host, and browsers read a backslash as a slash and drop tabs and line ends.
    bytes.next() == Some(b'/')
        && bytes.next() != Some(b'/')
        && path.len() <= LONGEST
        && path
            .bytes()
            .all(|b| b.is_ascii_graphic() && !b"\\\"<>`{}|^".contains(&b))
}

/// Longer than any of ours.
const LONGEST: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_own_paths_are_gone_to() {
        for own in [
            "/",
            "/account",
            "/device?code=WDJB-MJHT",
            "/a/b?c=%2F%2Fd#e",
            "/a//b",
        ] {
            assert_eq!(own_path(Some(own)), own);
        }
        let long = format!("/{}", "a".repeat(2_000));
        for other in [
            "",
            "account",
            "//evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "\t/x",
            " /x",
            "/ x",
            "/\n/evil.example",
            "https://evil.example/",
            "https:/evil.example",
            "javascript:alert(1)",
            "\\\\evil.example",
            "/ä",
            "/<script>",
            "/a\r\nSet-Cookie: a=b",
            &long,
        ] {
            assert_eq!(own_path(Some(other)), "/", "{other:?}");
        }
        assert_eq!(own_path(None), "/");
    }
}
