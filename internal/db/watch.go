package db

import (
	"fmt"
	"regexp"
	"strings"
)

// Recorded says that the transaction appended to the audit log. Where tables
// are watched ([Options.Watch]), an Update that changed one of them and never
// called it fails. Package audit calls it.
func (tx *Tx) Recorded() { tx.recorded = true }

// note remembers a statement that changed rows, or returned some.
func (tx *Tx) note(query string) {
	if tx.db.watch == nil || tx.changed != "" {
		return
	}
	for _, match := range change.FindAllStringSubmatch(query, -1) {
		if table := strings.ToLower(match[1]); tx.db.watch[table] {
			tx.changed = table
			return
		}
	}
}

// unrecorded is the error of a transaction that changed a watched table
// without a record.
func (tx *Tx) unrecorded() error {
	if tx.changed == "" || tx.recorded {
		return nil
	}
	return fmt.Errorf("db: table %s was changed without an audit event", tx.changed)
}

// change finds the tables that a statement changes.
var change = regexp.MustCompile(`(?i)\b(?:insert\s+into|update|delete\s+from)\s+"?([a-z_]+)`)

func watched(tables []string) map[string]bool {
	if len(tables) == 0 {
		return nil
	}
	set := map[string]bool{}
	for _, t := range tables {
		set[t] = true
	}
	return set
}
