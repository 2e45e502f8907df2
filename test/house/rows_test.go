package house

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// owners says which package a table belongs to: no other one reads or writes
// it.
var owners = map[string]string{
	"installation": "internal/db",

	"organizations": "internal/directory", "domains": "internal/directory", "domain_checks": "internal/directory", "users": "internal/directory", "invitations": "internal/directory", "address_changes": "internal/directory",
	"accounts": "internal/directory", "account_members": "internal/directory",
	"search_segments": "internal/search", "search_words": "internal/search",
	"imports": "internal/imports", "import_uploads": "internal/imports", "import_rows": "internal/imports", "import_results": "internal/imports",
	"sessions": "internal/session", "session_activity": "internal/session",
	"arrivals":     "internal/signin",
	"sso_profiles": "internal/sso", "sso_certificates": "internal/sso", "sso_requests": "internal/sso", "sso_assertions": "internal/sso", "sso_tickets": "internal/sso",
	"sso_tests": "internal/sso", "sso_setup_links": "internal/sso", "sso_drafts": "internal/sso",
	"sso_keys": "internal/sso", "sso_readings": "internal/sso", "sso_logouts": "internal/sso", "sso_metadata": "internal/sso",
	"sso_certificate_standings": "internal/sso", "sso_certificate_uses": "internal/sso", "sso_expiry_mails": "internal/sso",
	"sso_alerts":   "internal/sso",
	"api_tokens":   "internal/token",
	"audit_events": "internal/audit",
	"audit_keys":   "internal/audit", "audit_waiting": "internal/audit", "audit_seals": "internal/audit", "audit_heads": "internal/audit",
	"outbox_mails":   "internal/outbox",
	"recovery_codes": "internal/recovery", "recoveries": "internal/recovery",
	"one_time_links": "internal/link", "throttles": "internal/throttle",
	"record_attempts": "internal/record", "record_details": "internal/record", "record_hours": "internal/record", "record_erasures": "internal/record",
	"feedback_answers": "internal/feedback",
	"job_tasks":        "internal/job", "jobs": "internal/job",
}

var (
	made    = regexp.MustCompile(`(?im)^create table (?:if not exists )?([a-z_]+)`)
	mention = regexp.MustCompile(`(?i)\b(?:from|join|into|update|table)\s+([a-z_]+)\b`)
)

func TestEveryTableHasAnOwner(t *testing.T) {
	migrations, err := filepath.Glob(filepath.Join(root, "internal/db/migrations/*.sql"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, file := range migrations {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range made.FindAllSubmatch(text, -1) {
			if found[string(m[1])] = true; owners[string(m[1])] == "" {
				t.Errorf("%s belongs to nobody", m[1])
			}
		}
	}
	for table := range owners {
		if !found[table] {
			t.Errorf("%s is not there", table)
		}
	}
}

// TestSQLStandsInRowsOfTheOwner looks for the names of tables behind words of
// SQL, in strings of all packages.
func TestSQLStandsInRowsOfTheOwner(t *testing.T) {
	text := regexp.MustCompile("(?s)`[^`]*`|\"(?:[^\"\\\\\n]|\\\\.)*\"")
	statements := 0
	for _, p := range packages(t) {
		if forTests(p.short()) {
			continue
		}
		for _, file := range p.files() {
			code, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range text.FindAllString(string(code), -1) {
				for _, m := range mention.FindAllStringSubmatch(s, -1) {
					owner, isTable := owners[m[1]]
					if !isTable || !isSQL(s) {
						continue
					}
					if statements++; owner != p.short() {
						t.Errorf("%s touches %s, which belongs to %s", file, m[1], owner)
					} else if owner != "internal/db" && filepath.Base(file) != "rows.go" {
						t.Errorf("%s touches %s: SQL stands in rows.go", file, m[1])
					}
				}
			}
		}
	}
	if statements < 50 {
		t.Errorf("only %d statements were found", statements)
	}
}

// isSQL tells a statement from a sentence.
func isSQL(s string) bool {
	words := strings.Fields(strings.ToLower(strings.Trim(s, "`\"")))
	return len(words) > 2 && slices.Contains([]string{"select", "insert", "update", "delete", "from", "with"}, words[0])
}
