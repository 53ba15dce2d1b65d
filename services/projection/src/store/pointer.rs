//! The one row that says which tables are served.

use sea_orm::{
    ActiveValue::Set,
    entity::prelude::*,
    sea_query::{OnConflict, Table, TableCreateStatement},
};
use sea_orm_migration::schema;

use crate::tables::migration::VERSION;

/// Which tables are served.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "served_tables")]
pub struct Model {
    /// Always [`ONE`].
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    /// The number of their place.
    pub place: i64,
    /// Which version of this program can read them.
    #[sea_orm(column_type = "Text")]
    pub version: String,
}

/// None: it is one row.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The number of their place.
    pub fn place(&self) -> u64 {
        u64::try_from(self.place).unwrap_or_default()
    }
}

/// What makes the table.
pub(crate) fn table() -> TableCreateStatement {
    Table::create()
        .table(Entity)
        .col(schema::integer(Column::Id).primary_key())
        .col(schema::big_integer(Column::Place))
        .col(schema::text(Column::Version))
        .to_owned()
}

/// The row, where there is one.
pub(super) async fn read(base: &DatabaseConnection) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(ONE).one(base).await
}

/// Points at `place`, where it still is `before`; says whether it does.
pub(super) async fn replace(
    base: &DatabaseConnection,
    before: Option<u64>,
    place: u64,
) -> Result<bool, DbErr> {
    let place = i64::try_from(place).unwrap_or(i64::MAX);
    let moved = match before {
        Some(before) => {
            Entity::update_many()
                .col_expr(Column::Place, Expr::value(place))
                .col_expr(Column::Version, Expr::value(VERSION))
                .filter(Column::Id.eq(ONE))
                .filter(Column::Place.eq(i64::try_from(before).unwrap_or(i64::MAX)))
                .exec(base)
                .await?
                .rows_affected
        }
        None => {
            let row = ActiveModel {
                id: Set(ONE),
                place: Set(place),
                version: Set(VERSION.to_owned()),
            };
            let keep = OnConflict::column(Column::Id).do_nothing().to_owned();
            Entity::insert(row)
                .on_conflict(keep)
                .exec_without_returning(base)
                .await?
        }
    };
    Ok(moved == 1)
}

const ONE: i32 = 1;
