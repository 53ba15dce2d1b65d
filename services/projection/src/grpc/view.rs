//! Which tables a question is asked of: those that are served, or those of a moment.

use std::{sync::Arc, time::Duration};

use api::{
    convert,
    projection::v1::{AsOf, Overview, as_of},
    refuse::Violations,
};
use sea_orm::{ColumnTrait, DatabaseConnection, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use tonic::metadata::MetadataMap;

use super::{Questions, patience};
use crate::{
    moments::Moment,
    query::overview,
    refusal::Refusal,
    tables::{event, instant::micros},
};

/// The tables, and the time for which statuses are told.
pub(super) struct View {
    /// All tables but, of a moment, that of events.
    pub tables: DatabaseConnection,
    /// The events, of a moment those after it, too.
    pub events: DatabaseConnection,
    /// The last event that is shown, where it is not the last that there is.
    pub up_to: Option<u64>,
    /// Microseconds since 1970.
    pub now: i64,
    /// The position of the log that is shown.
    pub position: u64,
    moment: Option<Arc<Moment>>,
}

impl Questions {
    /// What a question is asked of, once it is there.
    pub(super) async fn view(
        &self,
        as_of: Option<&AsOf>,
        at_least: u64,
        metadata: &MetadataMap,
    ) -> Result<View, Refusal> {
        let patience = patience::of(metadata);
        let position = self.served.position();
        let position = position
            .reached(at_least, patience.unwrap_or(self.patience))
            .await?;
        // After the wait: see [`crate::served::Served::database`].
        let served = self.served.database();
        let Some(as_of) = as_of else {
            return Ok(View {
                tables: served.clone(),
                events: served,
                up_to: None,
                now: micros(self.clock.now()),
                position,
                moment: None,
            });
        };
        let Some(moments) = &self.moments else {
            return Err(Refusal::NoPast);
        };
        let (sequence, now) = self.resolved(&served, as_of, position).await?;
        let moment = moments.at(sequence, patience.unwrap_or(MAKING)).await?;
        Ok(View {
            tables: moment.database.clone(),
            events: served,
            up_to: Some(sequence),
            now,
            position: sequence,
            moment: Some(moment),
        })
    }

    /// The last event of a moment, and its time.
    async fn resolved(
        &self,
        served: &DatabaseConnection,
        as_of: &AsOf,
        position: u64,
    ) -> Result<(u64, i64), Refusal> {
        use event::{Column, Entity};
        let refused = |text: String| {
            let mut violations = Violations::new();
            violations.add("as_of", text);
            Err(Refusal::Invalid(violations))
        };
        let rows = Entity::find().select_only();
        match &as_of.moment {
            Some(as_of::Moment::Sequence(sequence)) => {
                let found = rows
                    .column(Column::Time)
                    .filter(Column::Sequence.eq(i64::try_from(*sequence).unwrap_or(i64::MAX)))
                    .into_tuple::<i64>()
                    .one(served)
                    .await?;
                match found {
                    Some(time) => Ok((*sequence, time)),
                    None => refused(format!(
                        "{sequence} is not an event of the log, which has 1 to {position}"
                    )),
                }
            }
            Some(as_of::Moment::Time(time)) => {
                let Some(time) = convert::time(time).map(micros) else {
                    return refused("the time is not one of the years 1 to 9999".to_owned());
                };
                if time > micros(self.clock.now()) {
                    return refused("the time is still to come".to_owned());
                }
                let found = rows
                    .column(Column::Sequence)
                    .filter(Column::Time.lte(time))
                    .order_by_desc(Column::Time)
                    .order_by_desc(Column::Sequence)
                    .into_tuple::<i64>()
                    .one(served)
                    .await?;
                let sequence = found.unwrap_or_default();
                Ok((u64::try_from(sequence).unwrap_or_default(), time))
            }
            None => refused("give a time or a sequence".to_owned()),
        }
    }
}

impl View {
    /// All at a glance, now or then.
    pub(super) async fn overview(&self, questions: &Questions) -> Result<Overview, Refusal> {
        let (position, now) = (self.position, self.now);
        if let Some(moment) = &self.moment {
            let counted = moment.counted(now).await?;
            return overview::wanting(&self.tables, counted, now).await;
        }
        let glance = &questions.glance;
        if let Some(answered) = glance.answered(position, now) {
            return Ok(answered);
        }
        let counted = glance.of(&self.tables, position, now).await?;
        let all = overview::wanting(&self.tables, counted, now).await?;
        glance.answers(all.clone(), position, now);
        Ok(all)
    }
}

/// How long the tables of a moment are waited for where the caller sets no deadline.
const MAKING: Duration = Duration::from_secs(60);
