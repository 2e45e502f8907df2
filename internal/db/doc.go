// Package db is the one way to the database: SQLite or PostgreSQL behind
// database/sql, with transactions that promise the same on both.
//
// Every capability package reads in [DB.View] and writes in [DB.Update], in
// its rows.go and nowhere else. app opens the database and migrates it.
//
// # Transactions
//
// A transaction has one instant, [Tx.Now], one actor and one context. Updates
// are serializable: they have an effect as if they had run one after the
// other. A statement that fails dooms its transaction, whatever the function
// makes of the error; to try and see, write "on conflict do nothing". Effects
// outside the database belong into [Tx.AfterCommit].
//
// PostgreSQL finds out about a conflict at its end, so that an Update's
// function can run several times. SQLite has one writer, and Updates that wait
// for it share one commit and its one flush to disk:
//
//	Update A   begin ─ fn ─┐                              ┌─ hooks
//	Update B        waits  └ savepoint ─ fn ─┐            ├─ hooks
//	Update C        waits                    └ … commit ──┴─ hooks
//
// The baton goes from each to the next in line; see sqlite_group.go.
//
// # Writing SQL for both
//
// There is one text for both engines: binds are $1, $2, …; types are text,
// bigint, boolean, bytea. A [time.Time] as an argument or as a destination of
// Scan stands in a bigint of UTC microseconds; the zero Time is NULL. What the
// engines would answer differently is evened out here where that is possible:
//
//   - LIKE tells upper from lower case, and has no escape character but that
//     of an explicit "escape".
//   - Text that is not UTF-8 or holds a NUL is refused on both.
//   - Double quotes never make a string.
//   - The collation named "binary" compares octets. Declare a column with it
//     that is sorted or searched by range: PostgreSQL's default depends on
//     its installation.
//
// What remains for the writer: say "nulls first" or "nulls last" where a
// sorted column may be NULL; keep []byte out of text columns; defer no
// constraint, since one that fails at the commit fails the whole group.
package db
