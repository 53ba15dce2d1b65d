//! Events: fields, answers, and following them as they are projected.

use api::{projection::v1 as answer, refuse::Violations};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait,
    sea_query::{Expr, ExprTrait as _, Query as SeaQuery, SelectStatement, UnionType},
};

use super::{
    condition,
    filter::{self, Kind, Term, Test},
    question::{self, List, Question},
    sort::{Direction, Sort},
};
use crate::{
    refusal::Refusal,
    served::Served,
    tables::{
        alert, certificate, certificate_version,
        event::{Column, Entity, Model},
        instant::timestamp,
        key,
    },
};

/// The fields of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The position in the log.
    Sequence,
    /// For example "automation".
    Aggregate,
    /// Which one.
    AggregateId,
    /// For example "order-placed".
    Event,
    /// Who did it.
    Actor,
    /// When.
    Time,
    /// The command that it all began with.
    CorrelationId,
    /// A certificate's id: all that has to do with it.
    Certificate,
}

impl filter::Field for Field {
    const ALL: &'static [Self] = &[
        Self::Sequence,
        Self::Aggregate,
        Self::AggregateId,
        Self::Event,
        Self::Actor,
        Self::Time,
        Self::CorrelationId,
        Self::Certificate,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Sequence => "sequence",
            Self::Aggregate => "aggregate",
            Self::AggregateId => "aggregate_id",
            Self::Event => "event",
            Self::Actor => "actor",
            Self::Time => "time",
            Self::CorrelationId => "correlation_id",
            Self::Certificate => "certificate",
        }
    }

    fn kind(self) -> Kind {
        match self {
            Self::Sequence => Kind::Number,
            Self::Time => Kind::Time,
            Self::Aggregate
            | Self::AggregateId
            | Self::Event
            | Self::Actor
            | Self::CorrelationId
            | Self::Certificate => Kind::Text,
        }
    }
}

impl List for Field {
    type Entity = Entity;

    const NAME: &'static str = "events";
    const DEFAULT_SORT: Sort<Self> = Sort {
        field: Self::Sequence,
        direction: Direction::Descending,
    };
    const ID: Column = Column::Sequence;

    fn sort_column(self) -> Option<Column> {
        self.column()
    }

    fn condition(self, test: &Test, _now: i64) -> Expr {
        match self.column() {
            Some(column) => condition::on(column, test),
            None => of_certificate(test),
        }
    }

    fn is_common(self) -> bool {
        matches!(self, Self::Aggregate | Self::Event | Self::Actor)
    }

    fn weight(row: &Model) -> usize {
        row.body.len() + ROW_WEIGHT
    }
}

impl Field {
    fn column(self) -> Option<Column> {
        Some(match self {
            Self::Sequence => Column::Sequence,
            Self::Aggregate => Column::Aggregate,
            Self::AggregateId => Column::AggregateId,
            Self::Event => Column::Event,
            Self::Actor => Column::Actor,
            Self::Time => Column::Time,
            Self::CorrelationId => Column::CorrelationId,
            Self::Certificate => return None,
        })
    }
}

/// It has to do with that certificate; or, for "not", it has not.
fn of_certificate(test: &Test) -> Expr {
    let (Test::Is(id) | Test::IsNot(id) | Test::Contains(id)) = test else {
        // Text is compared in no other way.
        return Expr::val(false);
    };
    let among = Column::AggregateId.in_subquery(aggregates(id));
    match test {
        Test::IsNot(_) => among.not(),
        _ => among,
    }
}

/// The same question, of the events up to this one. What has to do with a certificate is told from `tables` as of it,
/// which hold no events.
///
/// # Errors
/// What the database says.
pub async fn up_to(
    mut question: Question<Field>,
    tables: &impl ConnectionTrait,
    up_to: u64,
) -> Result<Question<Field>, DbErr> {
    let last = i64::try_from(up_to).unwrap_or(i64::MAX);
    let mut all = Condition::all().add(Column::Sequence.lte(last));
    for term in question.take(|field| matches!(field, Field::Certificate)) {
        let (Test::Is(id) | Test::IsNot(id) | Test::Contains(id)) = &term.test else {
            // Text is compared in no other way.
            continue;
        };
        let statement = tables.get_database_backend().build(&aggregates(id));
        let rows = tables.query_all_raw(statement).await?;
        let ids = rows.iter().map(|row| row.try_get_by_index::<String>(0));
        let ids = ids.collect::<Result<Vec<_>, _>>()?;
        all = all.add(match term.test {
            Test::IsNot(_) => Column::AggregateId.is_not_in(ids),
            _ => Column::AggregateId.is_in(ids),
        });
    }
    Ok(question.and(all))
}

/// All aggregates that have to do with a certificate, itself among them.
fn aggregates(id: &str) -> SelectStatement {
    let mut all = SeaQuery::select().expr(Expr::val(id)).to_owned();
    for aggregates in related(id) {
        all.union(UnionType::All, aggregates);
    }
    all
}

/// Which other aggregates have to do with a certificate.
fn related(id: &str) -> [SelectStatement; 4] {
    let certificate = |column: certificate::Column| {
        certificate::Entity::find()
            .select_only()
            .column(column)
            .filter(certificate::Column::Id.eq(id))
            .filter(column.ne(""))
            .into_query()
    };
    let hashes = certificate_version::Entity::find()
        .select_only()
        .column(certificate_version::Column::SpkiSha256)
        .filter(certificate_version::Column::CertificateId.eq(id))
        .into_query();
    let keys = key::Entity::find()
        .select_only()
        .column(key::Column::Id)
        .filter(key::Column::SpkiSha256.in_subquery(hashes))
        .into_query();
    let automation = certificate(certificate::Column::AutomationId);
    let mut subjects = SeaQuery::select().expr(Expr::val(id)).to_owned();
    subjects.union(UnionType::All, automation.clone());
    let alerts = alert::Entity::find()
        .select_only()
        .column(alert::Column::Id)
        .filter(alert::Column::SubjectId.in_subquery(subjects))
        .into_query();
    [
        automation,
        certificate(certificate::Column::RequestId),
        keys,
        alerts,
    ]
}

/// The row as it is answered.
///
/// # Errors
/// [`Refusal::Damaged`] where the database changed the row.
pub fn answered(row: Model) -> Result<answer::Event, Refusal> {
    let body = serde_json::from_str(&row.body).map_err(|source| Refusal::Damaged {
        table: "event",
        source: source.into(),
    })?;
    Ok(answer::Event {
        sequence: u64::try_from(row.sequence).unwrap_or_default(),
        id: row.event_id,
        aggregate: row.aggregate,
        aggregate_id: row.aggregate_id,
        event: row.event,
        actor: row.actor,
        correlation_id: row.correlation_id,
        causation_id: row.causation_id,
        time: timestamp(row.time),
        body: Some(body),
        schema: row.schema,
        traceparent: row.traceparent,
        subject: None,
    })
}

/// Which events to follow.
#[derive(Debug, Clone)]
pub struct Watch {
    terms: Vec<Term<Field>>,
    after: i64,
    only_new: bool,
}

impl Watch {
    /// What a request asks for.
    ///
    /// # Errors
    /// Everything that is wrong with it, by field.
    pub fn parse(request: &answer::WatchEventsRequest) -> Result<Self, Violations> {
        let mut violations = Violations::new();
        let terms = question::terms::<Field>(&request.filter, &mut violations);
        let unfit = terms.iter().any(|term| {
            matches!(
                term.field,
                Field::Sequence | Field::Time | Field::Certificate
            )
        });
        if unfit {
            let known = "aggregate, aggregate_id, event, actor and correlation_id";
            violations.add(
                "filter",
                format!("what is to come has no sequence or time yet, and may be of any certificate; filter by {known}"),
            );
        }
        let after = i64::try_from(request.after_sequence);
        let after = after.map_err(|_| "is past the end of any log");
        let after = violations.check("after_sequence", after);
        match after {
            Some(after) if violations.is_empty() => Ok(Self {
                terms,
                after,
                only_new: request.only_new,
            }),
            _ => Err(violations),
        }
    }

    /// The events, in the log's order, and each new one when it is projected. The reader sets the
    /// pace: what it has not taken yet stays in the table. Ends with an error alone.
    pub fn follow(
        self,
        served: Served,
    ) -> impl Stream<Item = Result<answer::Event, Refusal>> + Send + 'static {
        let begin = if self.only_new {
            i64::try_from(served.position().now()).unwrap_or(i64::MAX)
        } else {
            self.after
        };
        let pages = stream::try_unfold(begin, move |after| {
            let (served, terms) = (served.clone(), self.terms.clone());
            async move { next_rows(&served, &terms, after).await.map(Some) }
        });
        pages
            .map_ok(|rows| stream::iter(rows).map(answered))
            .try_flatten()
    }
}

/// The next rows past `after`, waited for where there are none yet, and the sequence up to which all were seen.
async fn next_rows(
    served: &Served,
    terms: &[Term<Field>],
    mut after: i64,
) -> Result<(Vec<Model>, i64), Refusal> {
    loop {
        // Taken before the rows are read: all up to it are then in the table.
        let seen = i64::try_from(served.position().now()).unwrap_or(i64::MAX);
        let rows = rows_past(&served.database(), terms, after).await?;
        let whole = rows.len() < WATCH_ROWS as usize;
        match rows.last() {
            Some(last) if whole => {
                let after = Ord::max(last.sequence, seen);
                return Ok((rows, after));
            }
            Some(last) => {
                let after = last.sequence;
                return Ok((rows, after));
            }
            None => after = Ord::max(after, seen),
        }
        let after_sequence = u64::try_from(after).unwrap_or_default();
        served.position().past(after_sequence).await?;
    }
}

async fn rows_past(
    database: &impl ConnectionTrait,
    terms: &[Term<Field>],
    after: i64,
) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        // No status among an event's fields: the time does not matter.
        .filter(question::holds(terms, 0))
        .filter(Column::Sequence.gt(after))
        .order_by_asc(Column::Sequence)
        .limit(WATCH_ROWS)
        .all(database)
        .await
}

/// What a row takes beside its body, in bytes.
const ROW_WEIGHT: usize = 500;

/// How many events a watcher takes from the table at a time: at most a few MiB.
const WATCH_ROWS: u64 = 100;
