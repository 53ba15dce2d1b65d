//! The text that Prometheus reads (exposition format 0.0.4), sent as it is written: it is never in memory whole.

use std::{fmt::Write, io};

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::Metric;

/// A page that is being written.
pub struct Page {
    text: String,
    reader: mpsc::Sender<io::Result<Bytes>>,
}

/// Who asked for the page does not listen any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("who asked for the metrics does not listen any more")]
pub struct Closed;

impl Page {
    /// A page, and what its reader reads.
    pub(crate) fn new() -> (Self, ReceiverStream<io::Result<Bytes>>) {
        let (reader, read) = mpsc::channel(AHEAD);
        let text = String::new();
        (Self { text, reader }, ReceiverStream::new(read))
    }

    /// Begins a metric: its samples follow, and those of no other between them.
    pub fn begin(&mut self, metric: &Metric) {
        let Metric {
            name, kind, help, ..
        } = metric;
        let kind = kind.as_str();
        // Writing to a String cannot fail.
        let _ = write!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    /// One sample, with a value for each of the metric's labels, in their order.
    ///
    /// # Errors
    /// [`Closed`].
    pub async fn sample(
        &mut self,
        metric: &Metric,
        labels: &[&str],
        value: f64,
    ) -> Result<(), Closed> {
        self.text.push_str(metric.name);
        for (n, (label, value)) in metric.labels.iter().zip(labels).enumerate() {
            self.text.push(if n == 0 { '{' } else { ',' });
            self.text.push_str(label);
            self.text.push_str("=\"");
            for letter in value.chars() {
                match letter {
                    '\\' => self.text.push_str(r"\\"),
                    '"' => self.text.push_str(r#"\""#),
                    '\n' => self.text.push_str(r"\n"),
                    other => self.text.push(other),
                }
            }
            self.text.push('"');
        }
        let end = if metric.labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.text, "{end} {value}");
        match self.text.len() {
            ..FULL => Ok(()),
            _ => self.send().await,
        }
    }

    /// Text that is complete in itself.
    pub(crate) async fn text(&mut self, text: &str) -> Result<(), Closed> {
        self.text.push_str(text);
        self.send().await
    }

    /// Sends what is written.
    pub(crate) async fn send(&mut self) -> Result<(), Closed> {
        let text = std::mem::take(&mut self.text);
        if text.is_empty() {
            return Ok(());
        }
        self.reader.send(Ok(text.into())).await.map_err(|_| Closed)
    }

    /// Ends it before its end, so that the reader can tell.
    pub(crate) async fn break_off(self) {
        // Fails only where nobody reads.
        let _ = self.reader.send(Err(io::Error::other("broken off"))).await;
    }
}

/// Bytes that are worth a message of their own.
const FULL: usize = 64 * 1024;

/// Pieces that are written ahead of the reader.
const AHEAD: usize = 2;

#[cfg(test)]
mod tests {
    use tokio_stream::StreamExt;

    use super::*;

    const EXPIRY: Metric = Metric::gauge("expiry_seconds", &["id", "name"], "When it expires.");

    async fn whole(mut read: ReceiverStream<io::Result<Bytes>>) -> String {
        let mut text = String::new();
        while let Some(piece) = read.next().await {
            text.push_str(std::str::from_utf8(&piece.unwrap()).unwrap());
        }
        text
    }

    #[tokio::test]
    async fn names_that_people_choose_stay_inside_of_their_quotes() {
        let (mut page, read) = Page::new();
        let reading = tokio::spawn(whole(read));
        page.begin(&EXPIRY);
        let name = "the \"old\" one\\\nchancery_forged 1";
        page.sample(&EXPIRY, &["7", name], 1_800_000_000.0)
            .await
            .unwrap();
        page.send().await.unwrap();
        drop(page);
        assert_eq!(
            reading.await.unwrap(),
            "# HELP expiry_seconds When it expires.\n# TYPE expiry_seconds gauge\n\
             expiry_seconds{id=\"7\",name=\"the \\\"old\\\" one\\\\\\nchancery_forged 1\"} 1800000000\n"
        );
    }

    #[tokio::test]
    async fn a_long_page_is_never_in_memory_whole() {
        let (mut page, read) = Page::new();
        let reading = tokio::spawn(whole(read));
        page.begin(&EXPIRY);
        for n in 0..100_000 {
            page.sample(&EXPIRY, &[&n.to_string(), "shop.example"], 1.0)
                .await
                .unwrap();
            assert!(page.text.len() < FULL);
        }
        page.send().await.unwrap();
        drop(page);
        assert_eq!(reading.await.unwrap().lines().count(), 100_002);
    }

    #[tokio::test]
    async fn whoever_asked_and_left_ends_the_writing() {
        let (mut page, read) = Page::new();
        drop(read);
        assert_eq!(page.text("a 1\n").await, Err(Closed));
    }
}
