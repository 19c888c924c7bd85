//! What people drop, through the real program: exports of everything, again and again, in any order.

mod bounded;
mod bulk;
mod history;
mod orders;
