//! What a process shows to whoever watches over it: `/metrics` and its neighbours.

use std::{collections::BTreeMap, net::SocketAddr};

use crate::wait;

/// The port of one process.
#[derive(Debug, Clone, Copy)]
pub struct Monitor(pub SocketAddr);

/// All that a look at `/metrics` shows.
#[derive(Debug, Clone, Default)]
pub struct Look {
    /// The kind of each metric, by its name.
    pub kinds: BTreeMap<String, String>,
    /// Every sample.
    pub samples: Vec<Sample>,
}

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The name, with `_bucket`, `_sum` or `_count` where it is a histogram's.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its value.
    pub value: f64,
}

impl Monitor {
    /// One on a port that is free.
    pub fn somewhere() -> Self {
        Self(SocketAddr::from(([127, 0, 0, 1], ports::free_port())))
    }

    /// Status and body of a path; `None` where nobody answers.
    pub async fn get(&self, path: &str) -> Option<(u16, String)> {
        let answer = reqwest::get(format!("http://{}{path}", self.0))
            .await
            .ok()?;
        let status = answer.status().as_u16();
        Some((status, answer.text().await.ok()?))
    }

    /// A look at the metrics, once the process answers.
    pub async fn look(&self) -> Look {
        let (status, text) = wait::until("metrics", async || self.get("/metrics").await).await;
        assert_eq!(status, 200, "{text}");
        Look::read(&text)
    }
}

impl Look {
    /// The samples of this name that have these labels, among others.
    pub fn of<'a>(
        &'a self,
        name: &'a str,
        labels: &'a [(&str, &str)],
    ) -> impl Iterator<Item = &'a Sample> {
        self.samples.iter().filter(move |sample| {
            let has = |(label, value): &(&str, &str)| {
                sample
                    .labels
                    .get(*label)
                    .is_some_and(|found| found == value)
            };
            sample.name == name && labels.iter().all(has)
        })
    }

    /// The value of the one sample that has these labels; `None` where there is none.
    ///
    /// # Panics
    /// Where there are several.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let mut found = self.of(name, labels);
        let value = found.next().map(|sample| sample.value);
        assert_eq!(found.next(), None, "a second {name}");
        value
    }

    /// Reads Prometheus' text, and is strict about it.
    fn read(text: &str) -> Self {
        let mut look = Self::default();
        let mut family = String::new();
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').expect("a kind");
                let twice = look.kinds.insert(name.to_owned(), kind.to_owned());
                assert_eq!(twice, None, "{name} begins twice");
                family = name.to_owned();
            } else if !line.starts_with('#') {
                let sample = Sample::read(line);
                let own = ["", "_bucket", "_sum", "_count"]
                    .iter()
                    .any(|end| sample.name == format!("{family}{end}"));
                assert!(own, "{line} among those of {family}");
                look.samples.push(sample);
            }
        }
        look
    }
}

impl Sample {
    fn read(line: &str) -> Self {
        let (series, value) = line.rsplit_once(' ').expect("a value");
        let (name, mut rest) = series.split_once('{').unwrap_or((series, ""));
        let mut labels = BTreeMap::new();
        while let Some((label, after)) = rest.split_once("=\"") {
            let mut value = String::new();
            let mut letters = after.char_indices();
            let end = loop {
                match letters.next().expect("a closing quote") {
                    (end, '"') => break end,
                    (_, '\\') => match letters.next().expect("an escaped letter").1 {
                        'n' => value.push('\n'),
                        letter => value.push(letter),
                    },
                    (_, letter) => value.push(letter),
                }
            };
            labels.insert(label.trim_start_matches(',').to_owned(), value);
            rest = &after[end + 1..];
        }
        Self {
            name: name.to_owned(),
            labels,
            value: value.parse().expect("a number"),
        }
    }
}
