//! The log as proof: a Merkle tree over all its events (RFC 6962), and what can be shown with it. All of it is pure.
//!
//! An event becomes a [`mod@leaf`]; leaves grow a [`tree`], whose rows are [`tile`]s; from those a [`path`] is taken,
//! that an event is in the tree or that a later tree goes on from an earlier one. A tree's head is signed as a
//! [`note`] (C2SP signed note, tlog-checkpoint, tlog-cosignature). Who has events from elsewhere reads them as
//! [`mod@line`]s, and holds them against all of that with a [`verifier`].

pub mod finding;
pub mod leaf;
pub mod line;
pub mod note;
pub mod path;
pub mod tile;
pub mod tree;
pub mod verifier;

pub use self::{
    finding::Finding,
    leaf::Stored,
    line::LineError,
    note::{Head, Note, NoteError, NoteKey},
    tile::Tiles,
    tree::{Hash, Tree},
    verifier::Verifier,
};
