//! Runs a list of migrations: sea-orm's migrator wants a type for each list.

use std::sync::Arc;

use sea_orm::{DatabaseConnection, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, MigratorTraitSelf, SchemaManager};

/// The migrations of one service, in order.
pub(crate) struct Migrator(Vec<Arc<dyn MigrationTrait>>);

impl Migrator {
    pub(crate) fn new(migrations: Vec<Box<dyn MigrationTrait>>) -> Self {
        Self(migrations.into_iter().map(Arc::from).collect())
    }

    /// Runs those that have not run yet.
    pub(crate) async fn up(&self, database: &DatabaseConnection) -> Result<(), DbErr> {
        MigratorTraitSelf::up(self, database, None).await
    }
}

impl MigratorTraitSelf for Migrator {
    fn migrations(&self) -> Vec<Box<dyn MigrationTrait>> {
        let migration =
            |m: &Arc<dyn MigrationTrait>| Box::new(Migration(m.clone())) as Box<dyn MigrationTrait>;
        self.0.iter().map(migration).collect()
    }
}

/// One of them: sea-orm asks for the list again and again, and a box cannot be cloned.
struct Migration(Arc<dyn MigrationTrait>);

impl MigrationName for Migration {
    fn name(&self) -> &str {
        self.0.name()
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        self.0.up(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        self.0.down(manager).await
    }

    fn use_transaction(&self) -> Option<bool> {
        self.0.use_transaction()
    }
}
