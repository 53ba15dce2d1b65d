//! The counts of wrong ones, in the database: every gateway on it counts together, and a restart forgets none.
//!
//! There are never many rows: a stranger who types ever new names finds his network's count, and what is left is
//! bounded here.

use std::sync::atomic::{AtomicU32, Ordering};

use sea_orm::{
    ColumnTrait, DatabaseConnection, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait, Set, sea_query::OnConflict,
};
use sea_orm_migration::prelude::*;
use time::{Duration, OffsetDateTime};

use super::limiter::{Count, Subject};
use crate::instant::{micros, time};

/// The table of counts.
#[derive(Debug)]
pub struct Tries {
    database: DatabaseConnection,
    begun: AtomicU32,
}

/// A try that may be made now. It counts as a wrong one until it is taken back.
#[derive(Debug)]
pub struct Admitted(Vec<Subject>);

/// Why a try may not be made now.
#[derive(Debug, thiserror::Error)]
pub enum NotNow {
    /// There were too many wrong ones.
    #[error("too many tries: the next may come at {until}")]
    Until {
        /// When the next may come.
        until: OffsetDateTime,
        /// What time it is.
        now: OffsetDateTime,
    },
    /// It cannot be told.
    #[error("cannot read or write the counts of tries")]
    Failed(#[from] DbErr),
}

impl Tries {
    /// In this database.
    pub fn new(database: DatabaseConnection) -> Tries {
        Tries {
            database,
            begun: AtomicU32::new(0),
        }
    }

    /// Counts a try as wrong, before anybody looks whether it is: so that a thousand that come at once are counted too.
    ///
    /// # Errors
    /// [`NotNow`].
    pub async fn begin(
        &self,
        subjects: &[Subject],
        now: OffsetDateTime,
    ) -> Result<Admitted, NotNow> {
        let begun = self.begun.fetch_add(1, Ordering::Relaxed);
        if begun.is_multiple_of(SWEEP_EVERY) {
            self.sweep(now).await?;
        }
        for subject in subjects {
            self.count(*subject, now).await?;
        }
        Ok(Admitted(subjects.to_vec()))
    }

    /// A try was right: it is taken back where many share a count, and whoever it was is known to be no attacker.
    ///
    /// # Errors
    /// What the database says.
    pub async fn was_right(&self, admitted: Admitted) -> Result<(), DbErr> {
        self.is_half_right(&admitted).await?;
        for subject in admitted.0 {
            match subject {
                Subject::Name(_) | Subject::Browser(_) | Subject::Person(_) => {
                    let row = entity::Entity::delete_by_id(subject.key());
                    row.exec(&self.database).await?;
                }
                // One who is right does not speak for all others behind his address.
                Subject::Network(_) => {}
            }
        }
        Ok(())
    }

    /// A try was right so far: it is no guess of somebody's who guesses names and passwords from one address.
    ///
    /// # Errors
    /// What the database says.
    pub async fn is_half_right(&self, admitted: &Admitted) -> Result<(), DbErr> {
        let shared = |subject: &&Subject| matches!(subject, Subject::Network(_));
        self.take_back(admitted.0.iter().filter(shared)).await
    }

    /// Nobody could look whether a try was right: it was no guess.
    ///
    /// # Errors
    /// What the database says.
    pub async fn was_nothing(&self, admitted: &Admitted) -> Result<(), DbErr> {
        self.take_back(admitted.0.iter()).await
    }

    async fn take_back(&self, subjects: impl Iterator<Item = &Subject>) -> Result<(), DbErr> {
        for subject in subjects {
            let less = Expr::col(entity::Column::Failures).sub(1);
            entity::Entity::update_many()
                .col_expr(entity::Column::Failures, less)
                .filter(entity::Column::Subject.eq(subject.key()))
                .filter(entity::Column::Failures.gt(0))
                .exec(&self.database)
                .await?;
        }
        Ok(())
    }

    async fn count(&self, subject: Subject, now: OffsetDateTime) -> Result<(), NotNow> {
        let key = subject.key();
        // Others may count the same subject meanwhile: then it is looked at again.
        for _ in 0..ATTEMPTS {
            let row = entity::Entity::find_by_id(key.clone())
                .one(&self.database)
                .await?;
            let so_far = row.as_ref().map(|row| Count {
                failures: row.failures.clamp(0, i64::from(u32::MAX)) as u32,
                last: time(row.last),
            });
            let counted = subject
                .one_more(so_far, now)
                .map_err(|until| NotNow::Until { until, now })?;
            let written = match row {
                None => self.insert(&key, counted).await?,
                Some(before) => self.update(before, counted).await?,
            };
            if written {
                return Ok(());
            }
        }
        Err(NotNow::Until {
            until: now + CROWDED,
            now,
        })
    }

    async fn insert(&self, key: &str, count: Count) -> Result<bool, DbErr> {
        let row = entity::ActiveModel {
            subject: Set(key.to_owned()),
            failures: Set(i64::from(count.failures)),
            last: Set(micros(count.last)),
        };
        let first = OnConflict::column(entity::Column::Subject)
            .do_nothing()
            .to_owned();
        let inserted = entity::Entity::insert(row)
            .on_conflict(first)
            .exec_without_returning(&self.database)
            .await?;
        Ok(inserted == 1)
    }

    async fn update(&self, before: entity::Model, count: Count) -> Result<bool, DbErr> {
        let updated = entity::Entity::update_many()
            .col_expr(
                entity::Column::Failures,
                Expr::value(i64::from(count.failures)),
            )
            .col_expr(entity::Column::Last, Expr::value(micros(count.last)))
            .filter(entity::Column::Subject.eq(before.subject))
            .filter(entity::Column::Failures.eq(before.failures))
            .filter(entity::Column::Last.eq(before.last))
            .exec(&self.database)
            .await?;
        Ok(updated.rows_affected == 1)
    }

    /// Forgets counts that no longer matter; and where there are too many, those with the fewest wrong ones.
    async fn sweep(&self, now: OffsetDateTime) -> Result<(), DbErr> {
        let old = entity::Column::Last.lt(micros(now - FORGOTTEN_AFTER));
        let old = old.or(entity::Column::Failures.lte(0));
        entity::Entity::delete_many()
            .filter(old)
            .exec(&self.database)
            .await?;
        let rows = entity::Entity::find().count(&self.database).await?;
        if rows <= MOST_ROWS {
            return Ok(());
        }
        let least = entity::Entity::find()
            .select_only()
            .column(entity::Column::Subject)
            .order_by_asc(entity::Column::Failures)
            .order_by_asc(entity::Column::Last)
            .limit(rows - MOST_ROWS)
            .into_query();
        entity::Entity::delete_many()
            .filter(entity::Column::Subject.in_subquery(least))
            .exec(&self.database)
            .await?;
        Ok(())
    }
}

/// How often a count is tried, where others count too.
const ATTEMPTS: usize = 20;

/// How long one waits who was not counted for all that.
const CROWDED: Duration = Duration::seconds(2);

/// Nothing is left of a count by then, whatever its policy.
const FORGOTTEN_AFTER: Duration = Duration::days(2);

/// The most rows, but for those of [`SWEEP_EVERY`] tries of each gateway.
const MOST_ROWS: u64 = 20_000;
const SWEEP_EVERY: u32 = 500;

mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "sign_in_tries")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub subject: String,
        pub failures: i64,
        pub last: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `sign_in_tries`.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20260101_000052_sign_in_tries"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        use sea_orm_migration::schema::{big_integer, string};
        let tries = Table::create()
            .table("sign_in_tries")
            .col(string("subject").primary_key())
            .col(big_integer("failures"))
            .col(big_integer("last"))
            .to_owned();
        manager.create_table(tries).await?;
        let by_count = Index::create()
            .name("sign_in_tries_by_count")
            .table("sign_in_tries")
            .col("failures")
            .col("last")
            .to_owned();
        manager.create_index(by_count).await
    }
}
