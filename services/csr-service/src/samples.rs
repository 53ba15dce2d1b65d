//! One event of each type, as the golden files have them.

use api::csr::v1::{RequestCreated, RequestFulfilled};

pub fn created() -> RequestCreated {
    serde_json::from_str(include_str!("golden/request.created.json")).unwrap()
}

pub fn fulfilled() -> RequestFulfilled {
    serde_json::from_str(include_str!("golden/request.fulfilled.json")).unwrap()
}
