//! What this service writes to the log, each event its message of `chancery.csr.v1`.

use api::csr::v1;

eventlog::events! {
    /// What happens to a certificate request.
    pub enum RequestEvent {
        /// It was made.
        Created("created"): v1::RequestCreated = "chancery.csr.v1.RequestCreated",
        /// A certificate that answers it was imported.
        Fulfilled("fulfilled"): v1::RequestFulfilled = "chancery.csr.v1.RequestFulfilled",
        /// Nobody waits for an answer any more, or its record is put away.
        Deleted("deleted"): v1::RequestDeleted = "chancery.csr.v1.RequestDeleted",
    }
}

#[cfg(test)]
mod tests {
    use eventlog::EventBody;

    use super::*;

    /// A golden file is never edited: every later version must still read it, and write it so.
    fn golden(name: &str, json: &str) {
        let event = RequestEvent::from_json(name, json.as_bytes()).unwrap();
        assert_eq!(event.name(), name);
        let written: serde_json::Value = serde_json::from_slice(&event.to_json().unwrap()).unwrap();
        let kept: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!(written, kept, "{name}");
    }

    #[test]
    fn every_event_ever_written_is_still_read() {
        golden("created", include_str!("golden/request.created.json"));
        golden("fulfilled", include_str!("golden/request.fulfilled.json"));
        golden("deleted", include_str!("golden/request.deleted.json"));
    }
}
