//! Tells changes apart that have the same number: one that was lost when a backup was restored, and one made since.
//!
//! Every start of the server begins an era of everybody's changes. Up to the backup, both pasts have the same eras; after
//! it, each has its own.

use rusqlite::{Connection, OptionalExtension};

/// What comes from now on belongs to a new era. Safe at any time, also while another process writes.
pub fn begin(connection: &Connection) -> rusqlite::Result<()> {
    // One in which nothing was written is replaced: a backup may hold it, and a past beside ours have written in it.
    connection
        .execute(
            "INSERT OR REPLACE INTO era (user_id, began, stamp)
             SELECT id, (SELECT coalesce(max(change), 0) + 1 FROM session WHERE user_id = user.id), random() FROM user",
            [],
        )
        .map(drop)
}

/// The stamp of the era to which a change belongs; 0 for those of before eras were kept, and where nothing was written yet.
pub fn stamp(connection: &Connection, user: i64, change: i64) -> rusqlite::Result<i64> {
    let mut query = connection
        .prepare_cached("SELECT stamp FROM era WHERE user_id = ?1 AND began <= ?2 ORDER BY began DESC LIMIT 1")?;
    Ok(query.query_row([user, change], |row| row.get(0)).optional()?.unwrap_or(0))
}
