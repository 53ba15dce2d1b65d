//! Where the tables are. Each making of them has a place of its own; the service's database remembers, in one row,
//! which of them is served, so that to serve another is one statement.

pub mod pointer;

use runtime::{DatabaseError, database::places::Places};
use sea_orm::{DatabaseConnection, DbErr};

use crate::tables::migration::{self, VERSION};

/// Makes, finds and removes places of tables.
#[derive(Debug, Clone)]
pub struct Store {
    base: DatabaseConnection,
    places: Places,
}

/// Tables in their place.
#[derive(Debug, Clone)]
pub struct Place {
    /// Its number; later ones are greater.
    pub number: u64,
    /// For questions.
    pub database: DatabaseConnection,
    /// One connection for who writes: what it has in its cache stays good, and no reader keeps it waiting.
    pub writer: DatabaseConnection,
}

/// Tables that are being made. What was written is not safe before they are settled.
#[derive(Debug)]
pub struct Building {
    /// The number of their place.
    pub number: u64,
    /// The one connection.
    pub writer: DatabaseConnection,
}

/// The tables' places cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A place cannot be opened, or not be removed.
    #[error("cannot use the projection's database")]
    Place(#[from] DatabaseError),
    /// The tables cannot be made there, or it is not known which are served.
    #[error("the projection's database did not do what it was told")]
    Database(#[from] DbErr),
}

impl Store {
    /// `base` remembers which of the `places` is served.
    pub fn new(base: DatabaseConnection, places: Places) -> Self {
        Self { base, places }
    }

    /// The tables that are served; empty ones, where there are none of this version. What was begun and is not
    /// served is removed: nobody will finish it.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn served(&self) -> Result<Place, StoreError> {
        let found = pointer::read(&self.base).await?;
        let ours = found.as_ref().filter(|found| found.version == VERSION);
        let number = match ours {
            Some(ours) => ours.place(),
            None => {
                let made = self.make().await?;
                migration::index(&made.writer).await?;
                let made = self.settle(made).await?;
                let before = found.as_ref().map(pointer::Model::place);
                if !self.serve(before, made).await? {
                    // Another replica has begun at the same moment.
                    self.places.remove(made).await?;
                }
                let served = pointer::read(&self.base).await?;
                served.map_or(made, |served| served.place())
            }
        };
        self.sweep(number).await?;
        self.open(number).await
    }

    /// The tables at a place.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn open(&self, number: u64) -> Result<Place, StoreError> {
        Ok(Place {
            number,
            database: self.places.open(number).await?,
            writer: self.places.writer(number).await?,
        })
    }

    /// Empty tables in a place of their own, without what only reading needs.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn make(&self) -> Result<Building, StoreError> {
        let served = pointer::read(&self.base).await?;
        let after = served.map_or(0, |served| served.place());
        let (number, writer) = self.places.builder(after).await?;
        migration::make(&writer).await?;
        Ok(Building { number, writer })
    }

    /// What was built stays, whatever happens; answers the number of its place.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn settle(&self, built: Building) -> Result<u64, StoreError> {
        built.writer.close().await?;
        self.places.settle(built.number).await?;
        Ok(built.number)
    }

    /// From now on that place is served, where it still is `before` that is; says whether it is.
    ///
    /// # Errors
    /// What the database says.
    pub async fn serve(&self, before: Option<u64>, place: u64) -> Result<bool, StoreError> {
        Ok(pointer::replace(&self.base, before, place).await?)
    }

    /// Which place is served, whoever said so.
    ///
    /// # Errors
    /// What the database says.
    pub async fn pointed_at(&self) -> Result<Option<u64>, StoreError> {
        let served = pointer::read(&self.base).await?;
        let ours = served.filter(|served| served.version == VERSION);
        Ok(ours.map(|served| served.place()))
    }

    /// Removes what is in a place that nobody uses any more.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn remove(&self, number: u64) -> Result<(), StoreError> {
        Ok(self.places.remove(number).await?)
    }

    /// Removes what is in all places but this one.
    async fn sweep(&self, served: u64) -> Result<(), StoreError> {
        for number in self.places.all().await? {
            if number != served {
                tracing::info!(place = number, "removing tables that are not served");
                self.remove(number).await?;
            }
        }
        Ok(())
    }
}

impl Place {
    /// What is in memory is written, and the files can be removed.
    ///
    /// # Errors
    /// What the database says.
    pub async fn close(&self) -> Result<(), DbErr> {
        self.writer.clone().close().await?;
        self.database.clone().close().await
    }
}
