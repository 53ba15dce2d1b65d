//! What Chancery does, told as stories on real servers.
