//! Values that a row holds as JSON, in a column of text: as it was written, and with any letter in it, which a column of
//! PostgreSQL's own JSON would not keep.

use sea_orm::{
    ColIdx, DbErr, QueryResult, TryGetError, TryGetable, Value,
    sea_query::{ArrayType, ColumnType, Nullable, ValueType, ValueTypeErr},
};
use serde::{Serialize, de::DeserializeOwned};

use super::{Texts, automation::KeptFailure, dns_provider::Settings};

fn write<T: Serialize>(value: &T) -> Value {
    // What is kept has no map with other keys than texts, which alone could not be written.
    Value::String(Some(serde_json::to_string(value).unwrap_or_default()))
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, TryGetError> {
    serde_json::from_str(text).map_err(|error| TryGetError::DbErr(DbErr::Json(error.to_string())))
}

macro_rules! written {
    ($($kept:ty),+) => {
        $(
            impl From<$kept> for Value {
                fn from(value: $kept) -> Self {
                    write(&value)
                }
            }

            impl TryGetable for $kept {
                fn try_get_by<I: ColIdx>(row: &QueryResult, index: I) -> Result<Self, TryGetError> {
                    read(&String::try_get_by(row, index)?)
                }
            }

            impl ValueType for $kept {
                fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
                    match value {
                        Value::String(Some(text)) => read(&text).map_err(|_| ValueTypeErr),
                        _ => Err(ValueTypeErr),
                    }
                }

                fn type_name() -> String {
                    stringify!($kept).to_owned()
                }

                fn array_type() -> ArrayType {
                    ArrayType::String
                }

                fn column_type() -> ColumnType {
                    ColumnType::Text
                }
            }

            impl Nullable for $kept {
                fn null() -> Value {
                    Value::String(None)
                }
            }
        )+
    };
}

written!(Texts, KeptFailure, Settings);
