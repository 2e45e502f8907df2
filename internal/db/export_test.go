package db

import "time"

// Waiting tells how many Updates wait for SQLite's write connection.
func Waiting(d *DB) int {
	q := &d.engine.(*sqliteEngine).turns
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waiting.Len()
}

// SetQueueLimit changes how long an Update waits for its turn.
func SetQueueLimit(d *DB, limit time.Duration) {
	d.engine.(*sqliteEngine).turns.limit = limit
}

// SetGroupAge changes how long a group takes members.
func SetGroupAge(d *DB, age time.Duration) {
	d.engine.(*sqliteEngine).turns.age = age
}
