package recovery

import (
	"encoding/base64"
	"strings"
	"time"

	"sallyport/internal/db"
	"sallyport/internal/id"
)

// Codes is how many codes a user gets at once.
const Codes = 10

// maxTyped bounds what is looked at as a code.
const maxTyped = 100

// alphabet has no letters that people confuse when they read them from paper.
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// groups is how a code is written: four of four characters, of 5 bits each.
const groups, inGroup = 4, 4

// Make gives a user new codes and returns them, the only copy. Those from before
// are gone.
func Make(tx *db.Tx, ids *id.Source, userID string) ([]string, error) {
	if err := End(tx, userID); err != nil {
		return nil, err
	}
	codes := make([]string, Codes)
	for i := range codes {
		codes[i] = write(ids.Token())
		if err := insert(tx, hash(userID, clean(codes[i])), userID); err != nil {
			return nil, err
		}
	}
	return codes, nil
}

// write makes a code of a token: 80 of its bits.
func write(token string) string {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		panic("recovery: " + err.Error()) // a token is base64
	}
	var b strings.Builder
	for i := range groups * inGroup {
		if i > 0 && i%inGroup == 0 {
			b.WriteByte('-')
		}
		b.WriteByte(alphabet[raw[i]&31]) // each octet is random by itself
	}
	return b.String()
}

// clean turns what somebody typed into the code that is meant: without
// separators, and with the letters that stand for digits.
func clean(typed string) string {
	if len(typed) > maxTyped {
		return ""
	}
	return strings.Map(func(r rune) rune {
		switch r {
		case 'O':
			return '0'
		case 'I', 'L':
			return '1'
		case '-', '–', ' ', '\t', '\u00a0':
			return -1
		}
		return r
	}, strings.ToUpper(typed))
}

// hash is what the database keeps of a code. It is good for one user alone.
func hash(userID, cleaned string) []byte { return id.Hash("recovery code " + userID + " " + cleaned) }

// Use uses a code of a user up, and reports false if it is none that is left.
func Use(tx *db.Tx, userID, typed string) (bool, error) {
	cleaned := clean(typed)
	if len(cleaned) != groups*inGroup {
		return false, nil
	}
	n, err := use(tx, hash(userID, cleaned), userID)
	return n > 0, err
}

// End takes all codes of a user away.
func End(tx *db.Tx, userID string) error { return remove(tx, userID) }

// A Stock is how many codes a user has.
type Stock struct {
	Left, Made int64
	MadeAt     time.Time // zero: never
}

// Left returns how many codes a user has.
func Left(tx *db.Tx, userID string) (Stock, error) { return stock(tx, userID) }

// An Entry is one owner who was let in.
type Entry struct {
	Email string // at that time
	At    time.Time
}

// Note notes that a session of break-glass was begun.
func Note(tx *db.Tx, sessionID, organizationID, userID, email string) error {
	return insertEntry(tx, sessionID, organizationID, userID, email)
}

// Latest returns who was let in last in an organization since a time; the zero
// Entry if nobody was.
func Latest(tx *db.Tx, organizationID string, since time.Time) (Entry, error) {
	return latest(tx, organizationID, since)
}
