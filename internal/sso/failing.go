package sso

import (
	"time"

	"sallyport/internal/fault"
	"sallyport/internal/record"
)

// When sign-ins with an SSO profile count as failing.
const (
	failWindow = time.Hour // that is looked at
	failLeast  = 5         // failures in it
	failPast   = 5         // sign-ins before it that show what is usual
	failShare  = 0.5       // of those in the window that fail
	failTimes  = 2         // as often as before it
	failRows   = 5000      // attempts that are looked at
)

// outsiders are the codes that anybody can end in who has no key of the Identity
// Provider's: by posting whatever they like, or something old.
var outsiders = map[fault.Code]bool{
	fault.SAMLResponseMissing: true, fault.SAMLTooLarge: true, fault.SAMLBase64Invalid: true, fault.SAMLXMLInvalid: true, fault.SAMLUnsupportedMessage: true,
	fault.SAMLSignatureMissing: true, fault.SAMLSignatureInvalid: true, fault.SAMLSignatureAlgorithm: true, fault.SAMLCertificateUnknown: true,
	fault.SAMLMultipleAssertions: true, fault.SAMLDecryptionFailed: true, fault.SAMLStatusNotSuccess: true, fault.SAMLRequestUnknown: true,
	fault.SAMLRequestExpired: true, fault.SAMLReplayed: true, fault.SAMLIdPInitiatedRefused: true, fault.SAMLDestinationMismatch: true, fault.SAMLIssuerMismatch: true,
}

// personal are the codes that are about one person: however often that one tries,
// it is one failure.
var personal = map[fault.Code]bool{
	fault.UserNotFound: true, fault.UserDeactivated: true, fault.SSONotEnabledForUser: true, fault.SSOProfileMismatch: true, fault.DomainNotVerified: true,
}

// A tally counts attempts that came out alike or not.
type tally struct {
	failed, succeeded int
	code              fault.Code // the most frequent
	since             time.Time  // the first failure
}

func (t *tally) tried() int { return t.failed + t.succeeded }

func (t *tally) share() float64 {
	if t.tried() == 0 {
		return 0
	}
	return float64(t.failed) / float64(t.tried())
}

// failing reports whether sign-ins have begun to fail: often enough, mostly, and
// more than they did before.
func failing(now, past tally) bool {
	return now.failed >= failLeast && now.share() >= failShare && past.succeeded >= failPast && now.share() >= failTimes*past.share()
}

// working reports whether sign-ins work that did not: one has worked after the
// last that failed, and most do.
func working(attempts []record.Attempt, now tally) bool {
	return len(attempts) > 0 && attempts[0].Outcome == record.Succeeded && now.share() < failShare
}

// telling leaves out the attempts that say nothing of a profile, newest first:
// those which outsiders can make, unless they came from a network from which
// people sign in with the profile.
func telling(attempts []record.Attempt) (list []record.Attempt) {
	known := make(map[string]bool)
	for _, a := range attempts {
		if network := record.Network(a.Address); a.Outcome == record.Succeeded && network != "" {
			known[network] = true
		}
	}
	for _, a := range attempts {
		if a.Outcome == record.Succeeded || !outsiders[a.Code] || known[record.Network(a.Address)] {
			list = append(list, a)
		}
	}
	return list
}

// tallies counts what is told since an instant, and before it.
func tallies(attempts []record.Attempt, since time.Time) (now, past tally) {
	type one struct {
		code   fault.Code
		person string
	}
	seen := make(map[one]bool)
	codes := make(map[fault.Code]int)
	for _, a := range attempts {
		t := &past
		recent := !a.Time.Before(since)
		if recent {
			t = &now
		}
		if a.Outcome == record.Succeeded {
			t.succeeded++
			continue
		}
		if recent && personal[a.Code] {
			if seen[one{a.Code, a.UserID + a.Email}] {
				continue
			}
			seen[one{a.Code, a.UserID + a.Email}] = true
		}
		if t.failed++; !recent {
			continue
		}
		if now.since.IsZero() || a.Time.Before(now.since) {
			now.since = a.Time
		}
		if codes[a.Code]++; codes[a.Code] > codes[now.code] {
			now.code = a.Code
		}
	}
	return now, past
}
