//! How long a caller waits: its deadline, from the header that gRPC sends it in.

use std::time::Duration;

use tonic::metadata::MetadataMap;

/// The caller's deadline, less what the answer takes on its way: so that the refusal with its reason
/// is there before the caller gives up. `None` where it sets none.
pub fn of(metadata: &MetadataMap) -> Option<Duration> {
    let header = metadata.get("grpc-timeout")?.to_str().ok()?;
    let deadline = parse(header)?;
    let way = (deadline / 10).clamp(SHORTEST_WAY, LONGEST_WAY);
    Some(deadline.saturating_sub(way).min(LONGEST))
}

/// 1 to 8 digits and a unit ("gRPC over HTTP2", Requests: TimeoutValue, TimeoutUnit).
fn parse(header: &str) -> Option<Duration> {
    let (number, unit) = header.split_at_checked(header.len().checked_sub(1)?)?;
    let digits = (1..=8).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    let number = number.parse::<u64>().ok().filter(|_| digits)?;
    Some(match unit {
        "H" => Duration::from_secs(number * 3_600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

/// Nobody is kept waiting longer, whatever he allows: below the server's own limit for a call.
const LONGEST: Duration = Duration::from_secs(60);

const SHORTEST_WAY: Duration = Duration::from_millis(5);
const LONGEST_WAY: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_read_as_grpc_writes_it() {
        assert_eq!(parse("2S"), Some(Duration::from_secs(2)));
        assert_eq!(parse("1M"), Some(Duration::from_secs(60)));
        assert_eq!(
            parse("99999999H"),
            Some(Duration::from_secs(99_999_999 * 3_600))
        );
        assert_eq!(parse("500m"), Some(Duration::from_millis(500)));
        for wrong in ["", "S", "1", "1s", "-1S", "123456789S", "ä"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_refusal_is_there_before_the_caller_gives_up() {
        let mut metadata = MetadataMap::new();
        assert_eq!(of(&metadata), None);
        metadata.insert("grpc-timeout", "1S".parse().unwrap());
        assert_eq!(of(&metadata), Some(Duration::from_millis(900)));
        metadata.insert("grpc-timeout", "1m".parse().unwrap());
        assert_eq!(of(&metadata), Some(Duration::ZERO));
        metadata.insert("grpc-timeout", "1H".parse().unwrap());
        assert_eq!(of(&metadata), Some(LONGEST));
    }
}
