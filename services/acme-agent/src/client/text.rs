//! Text of a CA: a stranger's, which is shown on terminals and kept in the log for good.

use serde::{Deserialize, Deserializer};

/// At most so many bytes, without what would steer a terminal.
pub(super) fn cut(text: &mut String, most: usize) {
    text.retain(|c| !c.is_control());
    text.truncate(text.floor_char_boundary(most));
}

/// [`cut`] as it is read.
pub(super) fn at_most<'de, const MOST: usize, D: Deserializer<'de>>(
    from: D,
) -> Result<String, D::Error> {
    let mut text = String::deserialize(from)?;
    cut(&mut text, MOST);
    Ok(text)
}

/// [`at_most`], where there may be none.
pub(super) fn maybe_at_most<'de, const MOST: usize, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<String>, D::Error> {
    let mut text = Option::<String>::deserialize(from)?;
    if let Some(text) = &mut text {
        cut(text, MOST);
    }
    Ok(text)
}

/// The first so many of a list; the rest is forgotten.
pub(super) fn first<'de, const MOST: usize, T: Deserialize<'de>, D: Deserializer<'de>>(
    from: D,
) -> Result<Vec<T>, D::Error> {
    let mut list = Vec::deserialize(from)?;
    list.truncate(MOST);
    Ok(list)
}
