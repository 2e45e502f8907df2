package sso

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"time"

	"sallyport/internal/db"
	"sallyport/internal/fault"
	"sallyport/saml"
)

// profiles

const profileColumns = `id, organization_id, name, idp, managed_by, disabled, idp_entity_id, idp_sso, idp_slo, options,
	tested_hash, tested_at, version, created_at, metadata_url, notes`

func scanProfile(row db.Scanner) (p Profile, err error) {
	var sso, slo, options string
	if err = row.Scan(&p.ID, &p.OrganizationID, &p.Name, &p.IdP, &p.ManagedBy, &p.Disabled, &p.EntityID, &sso, &slo, &options,
		&p.TestedHash, &p.TestedAt, &p.Version, &p.CreatedAt, &p.MetadataURL, &p.Notes); err != nil {
		return p, err
	}
	// Options that a row does not know have their default.
	p.Options = DefaultOptions()
	return p, errors.Join(json.Unmarshal([]byte(sso), &p.SSO), json.Unmarshal([]byte(slo), &p.SLO),
		json.Unmarshal([]byte(options), &p.Options))
}

func scanCertificate(row db.Scanner) (c Certificate, err error) {
	var der []byte
	if err = row.Scan(&c.SHA256, &der, &c.AddedAt); err != nil {
		return c, err
	}
	c.Certificate, err = x509.ParseCertificate(der)
	return c, err
}

// profileByID returns a profile with its certificates; fault.NotFound if there
// is none.
func profileByID(tx *db.Tx, profileID string) (Profile, error) {
	p, err := db.One(tx, scanProfile, `select `+profileColumns+` from sso_profiles where id = $1`, profileID)
	if errors.Is(err, db.ErrNoRows) {
		return p, fault.New(fault.NotFound, "")
	}
	if err != nil {
		return p, err
	}
	p.Certificates, err = certificates(tx, p.ID)
	return p, err
}

func certificates(tx *db.Tx, profileID string) ([]Certificate, error) {
	return db.Collect(tx, scanCertificate, `select sha256, der, added_at from sso_certificates
		where sso_profile_id = $1 order by added_at, sha256`, profileID)
}

// eachCertificate goes through the certificates of all profiles.
func eachCertificate(tx *db.Tx, f func(profileID string, c *x509.Certificate)) error {
	rows, err := tx.Query(`select sso_profile_id, der from sso_certificates`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var profileID string
		var der []byte
		if err := rows.Scan(&profileID, &der); err != nil {
			return err
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return err
		}
		f(profileID, c)
	}
	return rows.Err()
}

func profiles(tx *db.Tx, organizationID, after string, limit int) ([]Profile, error) {
	list, err := db.Collect(tx, scanProfile, `select `+profileColumns+` from sso_profiles
		where organization_id = $1 and ($2 = '' or id < $2) order by id desc limit $3`, organizationID, after, limit)
	if err != nil {
		return nil, err
	}
	for i := range list {
		if list[i].Certificates, err = certificates(tx, list[i].ID); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func countProfiles(tx *db.Tx, organizationID string) (n int, err error) {
	err = tx.QueryRow(`select count(*) from sso_profiles where organization_id = $1`, organizationID).Scan(&n)
	return n, err
}

func insertProfile(tx *db.Tx, p *Profile) error {
	sso, slo, options, err := p.documents()
	if err != nil {
		return err
	}
	if _, err := tx.Exec(`insert into sso_profiles (`+profileColumns+`)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
		p.ID, p.OrganizationID, p.Name, p.IdP, p.ManagedBy, p.Disabled, p.EntityID, sso, slo, options,
		p.TestedHash, p.TestedAt, p.Version, p.CreatedAt, p.MetadataURL, p.Notes); err != nil {
		return err
	}
	return putCertificates(tx, p)
}

func updateProfile(tx *db.Tx, p *Profile) error {
	sso, slo, options, err := p.documents()
	if err != nil {
		return err
	}
	p.Version++
	if _, err := tx.Exec(`update sso_profiles set name = $2, idp = $3, managed_by = $4, disabled = $5, idp_entity_id = $6,
			idp_sso = $7, idp_slo = $8, options = $9, tested_hash = $10, tested_at = $11, version = $12,
			metadata_url = $13, notes = $14 where id = $1`,
		p.ID, p.Name, p.IdP, p.ManagedBy, p.Disabled, p.EntityID, sso, slo, options, p.TestedHash, p.TestedAt, p.Version,
		p.MetadataURL, p.Notes); err != nil {
		return err
	}
	return putCertificates(tx, p)
}

func (p *Profile) documents() (sso, slo, options string, err error) {
	a, err1 := json.Marshal(p.SSO)
	b, err2 := json.Marshal(p.SLO)
	c, err3 := json.Marshal(p.Options)
	return string(a), string(b), string(c), errors.Join(err1, err2, err3)
}

// putCertificates makes the rows those of the profile.
func putCertificates(tx *db.Tx, p *Profile) error {
	if _, err := tx.Exec(`delete from sso_certificates where sso_profile_id = $1`, p.ID); err != nil {
		return err
	}
	for _, c := range p.Certificates {
		if _, err := tx.Exec(`insert into sso_certificates (sso_profile_id, sha256, der, added_at) values ($1, $2, $3, $4)`,
			p.ID, c.SHA256, c.Raw, c.AddedAt); err != nil {
			return err
		}
	}
	return nil
}

func deleteProfile(tx *db.Tx, profileID string) error {
	for _, table := range []string{"sso_certificates", "sso_keys", "sso_readings", "sso_drafts", "sso_tests", "sso_setup_links", "sso_metadata", "sso_certificate_standings",
		"sso_certificate_uses", "sso_expiry_mails", "sso_alerts"} {
		if _, err := tx.Exec(`delete from `+table+` where sso_profile_id = $1`, profileID); err != nil {
			return err
		}
	}
	_, err := tx.Exec(`delete from sso_profiles where id = $1`, profileID)
	return err
}

// readings

func insertReading(tx *db.Tx, r *Reading) error {
	found, err := r.document()
	if err != nil {
		return err
	}
	_, err = tx.Exec(`insert into sso_readings (id, sso_profile_id, setup_link_id, source, metadata_url, pin, found, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8)`,
		r.ID, r.ProfileID, r.linkID, r.Source, r.URL, r.pin, found, r.CreatedAt)
	return err
}

// deleteReadings deletes all readings of a profile but the newest ones: those
// with a setup link, or those of administrators.
func deleteReadings(tx *db.Tx, profileID, linkID string, but int) error {
	_, err := tx.Exec(`delete from sso_readings where sso_profile_id = $1 and setup_link_id = $2 and id not in
		(select id from sso_readings where sso_profile_id = $1 and setup_link_id = $2 order by id desc limit $3)`, profileID, linkID, but)
	return err
}

// readingByID returns a reading that was made after an instant; fault.NotFound
// if there is none.
func readingByID(tx *db.Tx, profileID, linkID, readingID string, after time.Time) (Reading, error) {
	r, err := db.One(tx, func(row db.Scanner) (r Reading, err error) {
		var found string
		if err = row.Scan(&r.ID, &r.ProfileID, &r.linkID, &r.Source, &r.URL, &r.pin, &found, &r.CreatedAt); err != nil {
			return r, err
		}
		return r, r.parse(found)
	}, `select id, sso_profile_id, setup_link_id, source, metadata_url, pin, found, created_at from sso_readings
		where id = $1 and sso_profile_id = $2 and setup_link_id = $3 and created_at > $4`, readingID, profileID, linkID, after)
	if errors.Is(err, db.ErrNoRows) {
		return r, fault.New(fault.NotFound, "")
	}
	return r, err
}

// keys

const keyColumns = `id, sso_profile_id, certificate, private_key, created_at, active_at, remove_at`

func insertKey(tx *db.Tx, k *Key) error {
	_, err := tx.Exec(`insert into sso_keys (`+keyColumns+`) values ($1, $2, $3, $4, $5, $6, $7)`,
		k.ID, k.ProfileID, k.Certificate.Raw, k.sealed, k.CreatedAt, k.ActiveAt, k.RemoveAt)
	return err
}

func scanKey(row db.Scanner) (k Key, err error) {
	var der []byte
	if err = row.Scan(&k.ID, &k.ProfileID, &der, &k.sealed, &k.CreatedAt, &k.ActiveAt, &k.RemoveAt); err != nil {
		return k, err
	}
	k.Certificate, err = x509.ParseCertificate(der)
	return k, err
}

// keysOf returns the keys of a profile that are not removed, newest first.
func keysOf(tx *db.Tx, profileID string) ([]Key, error) {
	return db.Collect(tx, scanKey, `select `+keyColumns+` from sso_keys
		where sso_profile_id = $1 and (remove_at is null or remove_at > $2) order by id desc`, profileID, tx.Now())
}

// keysAfter goes through the keys of all profiles.
func keysAfter(tx *db.Tx, after string, limit int) ([]Key, error) {
	return db.Collect(tx, scanKey, `select `+keyColumns+` from sso_keys where id > $1 order by id limit $2`, after, limit)
}

func retireKey(tx *db.Tx, keyID string, removeAt time.Time) error {
	_, err := tx.Exec(`update sso_keys set remove_at = $2 where id = $1`, keyID, removeAt)
	return err
}

func sealKey(tx *db.Tx, k *Key) error {
	_, err := tx.Exec(`update sso_keys set private_key = $2 where id = $1`, k.ID, k.sealed)
	return err
}

// requests

type request struct {
	id, profileID string
	browserHash   []byte
	returnTo      string
	restarted     bool
	createdAt     time.Time
	usedAt        time.Time
}

func insertRequest(tx *db.Tx, r *request) error {
	_, err := tx.Exec(`insert into sso_requests (id, sso_profile_id, browser_hash, return_to, restarted, created_at)
		values ($1, $2, $3, $4, $5, $6)`, r.id, r.profileID, r.browserHash, r.returnTo, r.restarted, r.createdAt)
	return err
}

func requestByID(tx *db.Tx, profileID, requestID string) (request, error) {
	return db.One(tx, func(row db.Scanner) (r request, err error) {
		err = row.Scan(&r.id, &r.profileID, &r.browserHash, &r.returnTo, &r.restarted, &r.createdAt, &r.usedAt)
		return r, err
	}, `select id, sso_profile_id, browser_hash, return_to, restarted, created_at, used_at from sso_requests
		where id = $1 and sso_profile_id = $2`, requestID, profileID)
}

// useRequest uses a pending request up; the error is db.ErrNoRows if it is
// not pending any more.
func useRequest(tx *db.Tx, profileID, requestID string, notBefore time.Time) (request, error) {
	return db.One(tx, func(row db.Scanner) (r request, err error) {
		err = row.Scan(&r.browserHash, &r.returnTo)
		return r, err
	}, `update sso_requests set used_at = $3 where id = $1 and sso_profile_id = $2 and used_at is null and created_at > $4
		returning browser_hash, return_to`, requestID, profileID, tx.Now(), notBefore)
}

// assertions

// rememberAssertion reports false if the assertion was consumed before.
func rememberAssertion(tx *db.Tx, profileID, assertionID string, until time.Time) (bool, error) {
	n, err := tx.Exec(`insert into sso_assertions (sso_profile_id, assertion_id, forget_at) values ($1, $2, $3)
		on conflict do nothing`, profileID, assertionID, until)
	return n > 0, err
}

// knowsAssertion reports whether an assertion was consumed before.
func knowsAssertion(tx *db.Tx, profileID, assertionID string) (known bool, err error) {
	err = tx.QueryRow(`select count(*) > 0 from sso_assertions where sso_profile_id = $1 and assertion_id = $2`, profileID, assertionID).Scan(&known)
	return known, err
}

// tickets

type ticket struct {
	hash, browserHash   []byte
	profileID, userID   string
	nameID, index       string
	nameIDDetails       string
	certificate         string
	authenticatedAt     time.Time
	notOnOrAfter        time.Time
	returnTo, reference string
	expiresAt, usedAt   time.Time
}

func insertTicket(tx *db.Tx, t *ticket) error {
	_, err := tx.Exec(`insert into sso_tickets (token_hash, browser_hash, sso_profile_id, user_id, name_id, name_id_details,
			session_index, authenticated_at, not_on_or_after, return_to, reference, expires_at, certificate)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		t.hash, t.browserHash, t.profileID, t.userID, t.nameID, t.nameIDDetails, t.index, t.authenticatedAt, t.notOnOrAfter, t.returnTo, t.reference, t.expiresAt, t.certificate)
	return err
}

func ticketByHash(tx *db.Tx, hash []byte) (ticket, error) {
	return db.One(tx, func(row db.Scanner) (t ticket, err error) {
		t.hash = hash
		err = row.Scan(&t.browserHash, &t.profileID, &t.userID, &t.nameID, &t.nameIDDetails, &t.index, &t.authenticatedAt, &t.notOnOrAfter,
			&t.returnTo, &t.reference, &t.expiresAt, &t.usedAt, &t.certificate)
		return t, err
	}, `select browser_hash, sso_profile_id, user_id, name_id, name_id_details, session_index, authenticated_at, not_on_or_after,
			return_to, reference, expires_at, used_at, certificate from sso_tickets where token_hash = $1`, hash)
}

func useTicket(tx *db.Tx, hash []byte) error {
	_, err := tx.Exec(`update sso_tickets set used_at = $2 where token_hash = $1`, hash, tx.Now())
	return err
}

// endTickets uses up the tickets of whom an order means.
func endTickets(tx *db.Tx, profileID, nameID string, meant func(index string) bool) error {
	found, err := db.Collect(tx, func(row db.Scanner) (t ticket, err error) {
		err = row.Scan(&t.hash, &t.index)
		return t, err
	}, `select token_hash, session_index from sso_tickets where sso_profile_id = $1 and name_id = $2 and used_at is null`, profileID, nameID)
	if err != nil {
		return err
	}
	for _, t := range found {
		if !meant(t.index) {
			continue
		}
		if err := useTicket(tx, t.hash); err != nil {
			return err
		}
	}
	return nil
}

// logouts

// insertLogout remembers a logout request of ours.
func insertLogout(tx *db.Tx, profileID, requestID, userID string) error {
	_, err := tx.Exec(`insert into sso_logouts (sso_profile_id, sent, message_id, user_id, created_at, forget_at)
		values ($1, true, $2, $3, $4, $5)`, profileID, requestID, userID, tx.Now(), tx.Now().Add(pendingFor+rememberFor))
	return err
}

// logoutState tells what became of a logout request of ours.
func logoutState(tx *db.Tx, profileID, requestID string) (state saml.RequestState, err error) {
	state, err = db.One(tx, func(row db.Scanner) (saml.RequestState, error) {
		var created, answered time.Time
		err := row.Scan(&created, &answered)
		switch {
		case !answered.IsZero():
			return saml.RequestUsed, err
		case !created.After(tx.Now().Add(-pendingFor)):
			return saml.RequestExpired, err
		}
		return saml.RequestPending, err
	}, `select created_at, answered_at from sso_logouts where sso_profile_id = $1 and sent and message_id = $2`, profileID, requestID)
	if errors.Is(err, db.ErrNoRows) {
		return saml.RequestUnknown, nil
	}
	return state, err
}

// useLogout uses a logout request of ours up and returns who signed out; the
// error is db.ErrNoRows if it was answered already.
func useLogout(tx *db.Tx, profileID, requestID string) (userID string, err error) {
	return db.One(tx, func(row db.Scanner) (userID string, err error) {
		err = row.Scan(&userID)
		return userID, err
	}, `update sso_logouts set answered_at = $3 where sso_profile_id = $1 and sent and message_id = $2 and answered_at is null
		returning user_id`, profileID, requestID, tx.Now())
}

// rememberLogout reports false if this request of the Identity Provider's was
// acted on before.
func rememberLogout(tx *db.Tx, profileID, requestID string, until time.Time) (bool, error) {
	n, err := tx.Exec(`insert into sso_logouts (sso_profile_id, sent, message_id, user_id, created_at, forget_at)
		values ($1, false, $2, '', $3, $4) on conflict do nothing`, profileID, requestID, tx.Now(), until)
	return n > 0, err
}

// tests

const testColumns = `id, sso_profile_id, organization_id, setup_link_id, asked_by, draft, request_id, config_hash, browser_hash,
	status, code, result, created_at, started_at, answered_at`

func scanTest(row db.Scanner) (t Test, err error) {
	err = row.Scan(&t.ID, &t.ProfileID, &t.OrganizationID, &t.SetupLinkID, &t.AskedBy, &t.Draft, &t.requestID, &t.configHash, &t.browserHash,
		&t.Status, &t.Code, &t.sealed, &t.CreatedAt, &t.StartedAt, &t.AnsweredAt)
	return t, err
}

func insertTest(tx *db.Tx, t *Test, startHash []byte) error {
	_, err := tx.Exec(`insert into sso_tests (id, sso_profile_id, organization_id, setup_link_id, asked_by, draft, start_hash, request_id, status, code, created_at)
		values ($1, $2, $3, $4, $5, $6, $7, '', $8, '', $9)`,
		t.ID, t.ProfileID, t.OrganizationID, t.SetupLinkID, t.AskedBy, t.Draft, startHash, string(t.Status), t.CreatedAt)
	return err
}

// dropTests deletes all tests of a profile but the latest.
func dropTests(tx *db.Tx, profileID string, keep int) error {
	_, err := tx.Exec(`delete from sso_tests where sso_profile_id = $1 and id not in
		(select id from sso_tests where sso_profile_id = $1 order by id desc limit $2)`, profileID, keep)
	return err
}

// startTest reports false if the test was started before.
func startTest(tx *db.Tx, t *Test) (bool, error) {
	n, err := tx.Exec(`update sso_tests set request_id = $2, config_hash = $3, browser_hash = $4, started_at = $5
		where id = $1 and started_at is null`, t.ID, t.requestID, t.configHash, t.browserHash, t.StartedAt)
	return n > 0, err
}

func answerTest(tx *db.Tx, t *Test) error {
	_, err := tx.Exec(`update sso_tests set status = $2, code = $3, result = $4, answered_at = $5 where id = $1`,
		t.ID, string(t.Status), string(t.Code), t.sealed, t.AnsweredAt)
	return err
}

// setTestTicket puts a ticket in the place of the one before; nil for none.
func setTestTicket(tx *db.Tx, testID string, hash []byte, until time.Time) error {
	_, err := tx.Exec(`update sso_tests set ticket_hash = $2, ticket_expires_at = $3 where id = $1`, testID, hash, until)
	return err
}

// The error of these is db.ErrNoRows if there is no such test.

func testByID(tx *db.Tx, testID string) (Test, error) {
	return db.One(tx, scanTest, `select `+testColumns+` from sso_tests where id = $1`, testID)
}

func testByStart(tx *db.Tx, hash []byte) (Test, error) {
	return db.One(tx, scanTest, `select `+testColumns+` from sso_tests where start_hash = $1`, hash)
}

func testByRequest(tx *db.Tx, profileID, requestID string) (Test, error) {
	return db.One(tx, scanTest, `select `+testColumns+` from sso_tests where request_id = $1 and request_id <> '' and sso_profile_id = $2`, requestID, profileID)
}

func testByTicket(tx *db.Tx, hash []byte) (t Test, until time.Time, err error) {
	if t, err = db.One(tx, scanTest, `select `+testColumns+` from sso_tests where ticket_hash = $1`, hash); err != nil {
		return t, until, err
	}
	err = tx.QueryRow(`select ticket_expires_at from sso_tests where id = $1`, t.ID).Scan(&until)
	return t, until, err
}

// testsOf returns the latest tests of a profile; with the id of a setup link
// those that its holder asked for.
func testsOf(tx *db.Tx, profileID, setupLinkID string, limit int) ([]Test, error) {
	return db.Collect(tx, scanTest, `select `+testColumns+` from sso_tests
		where sso_profile_id = $1 and ($2 = '' or setup_link_id = $2) order by id desc limit $3`, profileID, setupLinkID, limit)
}

// testsAfter goes through the tests of all profiles that have a result.
func testsAfter(tx *db.Tx, after string, limit int) ([]Test, error) {
	return db.Collect(tx, scanTest, `select `+testColumns+` from sso_tests where id > $1 and result is not null order by id limit $2`, after, limit)
}

func sealTest(tx *db.Tx, t *Test) error {
	_, err := tx.Exec(`update sso_tests set result = $2 where id = $1`, t.ID, t.sealed)
	return err
}

// setup links

const setupLinkColumns = `id, sso_profile_id, organization_id, browser_hash, maker_id, maker_name, created_at, expires_at, used_at, uses, revoked_at`

func scanSetupLink(row db.Scanner) (l SetupLink, err error) {
	err = row.Scan(&l.ID, &l.ProfileID, &l.OrganizationID, &l.browserHash, &l.MakerID, &l.MakerName, &l.CreatedAt, &l.ExpiresAt, &l.UsedAt, &l.Uses, &l.RevokedAt)
	return l, err
}

func insertSetupLink(tx *db.Tx, l *SetupLink, tokenHash []byte) error {
	_, err := tx.Exec(`insert into sso_setup_links (id, sso_profile_id, organization_id, token_hash, maker_id, maker_name, created_at, expires_at, uses)
		values ($1, $2, $3, $4, $5, $6, $7, $8, 0)`, l.ID, l.ProfileID, l.OrganizationID, tokenHash, l.MakerID, l.MakerName, l.CreatedAt, l.ExpiresAt)
	return err
}

// The error of these is db.ErrNoRows if there is no such link.

func setupLinkByID(tx *db.Tx, linkID string) (SetupLink, error) {
	return db.One(tx, scanSetupLink, `select `+setupLinkColumns+` from sso_setup_links where id = $1`, linkID)
}

func setupLinkByToken(tx *db.Tx, hash []byte) (SetupLink, error) {
	return db.One(tx, scanSetupLink, `select `+setupLinkColumns+` from sso_setup_links where token_hash = $1`, hash)
}

func setupLinksOf(tx *db.Tx, profileID string, limit int) ([]SetupLink, error) {
	return db.Collect(tx, scanSetupLink, `select `+setupLinkColumns+` from sso_setup_links where sso_profile_id = $1 order by id desc limit $2`, profileID, limit)
}

func countSetupLinks(tx *db.Tx, profileID string) (n int, err error) {
	err = tx.QueryRow(`select count(*) from sso_setup_links where sso_profile_id = $1 and revoked_at is null and expires_at > $2`, profileID, tx.Now()).Scan(&n)
	return n, err
}

// claimSetupLink gives a link to a browser; false if another was faster.
func claimSetupLink(tx *db.Tx, linkID string, browserHash []byte) (bool, error) {
	n, err := tx.Exec(`update sso_setup_links set browser_hash = $2 where id = $1 and browser_hash is null`, linkID, browserHash)
	return n > 0, err
}

func useSetupLink(tx *db.Tx, linkID string) error {
	_, err := tx.Exec(`update sso_setup_links set used_at = $2, uses = uses + 1 where id = $1`, linkID, tx.Now())
	return err
}

func revokeSetupLink(tx *db.Tx, linkID string) error {
	_, err := tx.Exec(`update sso_setup_links set revoked_at = $2 where id = $1 and revoked_at is null`, linkID, tx.Now())
	return err
}

// drafts

func draftOf(tx *db.Tx, profileID string) (d SetupDraft, ok bool, err error) {
	d, err = db.One(tx, func(row db.Scanner) (d SetupDraft, err error) {
		var sso, slo, certificates string
		if err = row.Scan(&d.ProfileID, &d.SetupLinkID, &d.IdP, &d.EntityID, &sso, &slo, &certificates, &d.MetadataURL, &d.TestedHash, &d.TestedAt, &d.Version, &d.UpdatedAt); err != nil {
			return d, err
		}
		var ders [][]byte
		if err := errors.Join(json.Unmarshal([]byte(sso), &d.SSO), json.Unmarshal([]byte(slo), &d.SLO), json.Unmarshal([]byte(certificates), &ders)); err != nil {
			return d, err
		}
		for _, der := range ders {
			c, err := x509.ParseCertificate(der)
			if err != nil {
				return d, err
			}
			d.Certificates = append(d.Certificates, c)
		}
		return d, nil
	}, `select sso_profile_id, setup_link_id, idp, idp_entity_id, idp_sso, idp_slo, certificates, metadata_url, tested_hash, tested_at, version, updated_at
		from sso_drafts where sso_profile_id = $1`, profileID)
	if errors.Is(err, db.ErrNoRows) {
		return d, false, nil
	}
	return d, err == nil, err
}

func putDraft(tx *db.Tx, d *SetupDraft) error {
	var ders [][]byte
	for _, c := range d.Certificates {
		ders = append(ders, c.Raw)
	}
	sso, err1 := json.Marshal(d.SSO)
	slo, err2 := json.Marshal(d.SLO)
	certificates, err3 := json.Marshal(ders)
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	_, err := tx.Exec(`insert into sso_drafts (sso_profile_id, setup_link_id, idp, idp_entity_id, idp_sso, idp_slo, certificates, metadata_url, tested_hash, tested_at, version, updated_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		on conflict (sso_profile_id) do update set setup_link_id = excluded.setup_link_id, idp = excluded.idp, idp_entity_id = excluded.idp_entity_id,
			idp_sso = excluded.idp_sso, idp_slo = excluded.idp_slo, certificates = excluded.certificates,
			metadata_url = excluded.metadata_url, tested_hash = excluded.tested_hash,
			tested_at = excluded.tested_at, version = excluded.version, updated_at = excluded.updated_at`,
		d.ProfileID, d.SetupLinkID, d.IdP, d.EntityID, string(sso), string(slo), string(certificates), d.MetadataURL, d.TestedHash, d.TestedAt, d.Version, d.UpdatedAt)
	return err
}

func deleteDraft(tx *db.Tx, profileID string) error {
	_, err := tx.Exec(`delete from sso_drafts where sso_profile_id = $1`, profileID)
	return err
}

// purge deletes a batch of what is over, and reports whether there may be more.
func purge(tx *db.Tx, batch int64) (more bool, err error) {
	for _, d := range []struct {
		table, key, column string
		before             time.Time
	}{
		{"sso_requests", "id", "created_at", tx.Now().Add(-pendingFor - rememberFor)},
		{"sso_tickets", "token_hash", "expires_at", tx.Now().Add(-time.Hour)},
		{"sso_keys", "id", "remove_at", tx.Now()},
		{"sso_tests", "id", "created_at", tx.Now().Add(-keepTests)},
		{"sso_setup_links", "id", "expires_at", tx.Now().Add(-keepSetupLinks)},
		{"sso_readings", "id", "created_at", tx.Now().Add(-readingFor)},
	} {
		n, err := tx.Exec(`delete from `+d.table+` where `+d.key+` in (select `+d.key+` from `+d.table+
			` where `+d.column+` < $1 limit $2)`, d.before, batch)
		if err != nil {
			return false, err
		}
		more = more || n == batch
	}
	for table, key := range map[string]string{
		"sso_assertions": "sso_profile_id, assertion_id",
		"sso_logouts":    "sso_profile_id, sent, message_id",
	} {
		n, err := tx.Exec(`delete from `+table+` where (`+key+`) in
			(select `+key+` from `+table+` where forget_at < $1 limit $2)`, tx.Now(), batch)
		if err != nil {
			return false, err
		}
		more = more || n == batch
	}
	return more, nil
}

// metadata

const feedColumns = `next_at, asked_at, tried_at, fetched_at, failed_at, failure, detail, line, valid_until, waiting, refused`

// feedOf returns what came of fetching a profile's metadata; nothing where it was
// never fetched.
func feedOf(tx *db.Tx, profileID string) (feed, error) {
	m, err := db.One(tx, func(row db.Scanner) (m feed, err error) {
		var waiting string
		if err = row.Scan(&m.nextAt, &m.askedAt, &m.triedAt, &m.fetchedAt, &m.failedAt, &m.failure, &m.detail, &m.line,
			&m.validUntil, &waiting, &m.refused); err != nil || waiting == "" {
			return m, err
		}
		return m, json.Unmarshal([]byte(waiting), &m.waiting)
	}, `select `+feedColumns+` from sso_metadata where sso_profile_id = $1`, profileID)
	if errors.Is(err, db.ErrNoRows) {
		return feed{}, nil
	}
	return m, err
}

func putFeed(tx *db.Tx, profileID string, m *feed) error {
	waiting := ""
	if m.waiting != nil {
		text, err := json.Marshal(m.waiting)
		if err != nil {
			return err
		}
		waiting = string(text)
	}
	_, err := tx.Exec(`insert into sso_metadata (sso_profile_id, `+feedColumns+`)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		on conflict (sso_profile_id) do update set next_at = excluded.next_at, asked_at = excluded.asked_at, tried_at = excluded.tried_at,
			fetched_at = excluded.fetched_at, failed_at = excluded.failed_at, failure = excluded.failure, detail = excluded.detail,
			line = excluded.line, valid_until = excluded.valid_until, waiting = excluded.waiting, refused = excluded.refused`,
		profileID, m.nextAt, m.askedAt, m.triedAt, m.fetchedAt, m.failedAt, m.failure, m.detail, m.line, m.validUntil, waiting, m.refused)
	return err
}

func deleteFeed(tx *db.Tx, profileID string) error {
	_, err := tx.Exec(`delete from sso_metadata where sso_profile_id = $1`, profileID)
	return err
}

// claimFeed reports false if the metadata was fetched after notAfter.
func claimFeed(tx *db.Tx, profileID string, notAfter, lease time.Time) (bool, error) {
	n, err := tx.Exec(`update sso_metadata set tried_at = $3, next_at = $4
		where sso_profile_id = $1 and (tried_at is null or tried_at <= $2)`, profileID, notAfter, tx.Now(), lease)
	return n > 0, err
}

// askFeed reports false if a response asked for a fetch after notAfter.
func askFeed(tx *db.Tx, profileID string, notAfter time.Time) (bool, error) {
	n, err := tx.Exec(`update sso_metadata set asked_at = $3
		where sso_profile_id = $1 and (asked_at is null or asked_at <= $2)`, profileID, notAfter, tx.Now())
	return n > 0, err
}

func leaseFeed(tx *db.Tx, profileID string, until time.Time) error {
	_, err := tx.Exec(`update sso_metadata set next_at = $2 where sso_profile_id = $1`, profileID, until)
	return err
}

// dueFeeds names profiles whose metadata is to be fetched now.
func dueFeeds(tx *db.Tx, limit int) ([]string, error) {
	return db.Collect(tx, func(row db.Scanner) (profileID string, err error) {
		err = row.Scan(&profileID)
		return profileID, err
	}, `select sso_profile_id from sso_metadata where next_at <= $1 order by next_at, sso_profile_id limit $2`, tx.Now(), limit)
}

// ledgerOf returns all that is known of a profile's certificates.
func ledgerOf(tx *db.Tx, profileID string) (ledger, error) {
	l := ledger{standings: make(map[string]*standing), uses: make(map[string]use)}
	found, err := db.Collect(tx, scanStanding, `select sha256, standing, der, found_at, use_at, gone_at
		from sso_certificate_standings where sso_profile_id = $1`, profileID)
	if err != nil {
		return l, err
	}
	for i := range found {
		l.standings[found[i].sha256] = &found[i]
	}
	rows, err := tx.Query(`select sha256, first_at, last_at from sso_certificate_uses where sso_profile_id = $1`, profileID)
	if err != nil {
		return l, err
	}
	defer rows.Close()
	for rows.Next() {
		var sha256 string
		var u use
		if err := rows.Scan(&sha256, &u.first, &u.last); err != nil {
			return l, err
		}
		l.uses[sha256] = u
	}
	return l, rows.Err()
}

func scanStanding(row db.Scanner) (st standing, err error) {
	var der []byte
	if err = row.Scan(&st.sha256, &st.standing, &der, &st.foundAt, &st.useAt, &st.goneAt); err != nil || der == nil {
		return st, err
	}
	c, err := x509.ParseCertificate(der)
	st.cert = &Certificate{SHA256: st.sha256, Certificate: c}
	return st, err
}

// putStandings makes the rows those of the ledger.
func putStandings(tx *db.Tx, profileID string, l *ledger) error {
	if _, err := tx.Exec(`delete from sso_certificate_standings where sso_profile_id = $1`, profileID); err != nil {
		return err
	}
	for _, st := range l.standings {
		var der []byte
		if st.cert != nil {
			der = st.cert.Raw
		}
		if _, err := tx.Exec(`insert into sso_certificate_standings (sso_profile_id, sha256, standing, der, found_at, use_at, gone_at)
			values ($1, $2, $3, $4, $5, $6, $7)`, profileID, st.sha256, string(st.standing), der, st.foundAt, st.useAt, st.goneAt); err != nil {
			return err
		}
	}
	return nil
}

// putUse notes that a certificate was in use.
func putUse(tx *db.Tx, key usedKey, at time.Time) error {
	_, err := tx.Exec(`insert into sso_certificate_uses (sso_profile_id, sha256, first_at, last_at) values ($1, $2, $3, $3)
		on conflict (sso_profile_id, sha256) do update set last_at = excluded.last_at
			where sso_certificate_uses.last_at <= $4`, key.profileID, key.sha256, at, at.Add(-useEvery))
	return err
}

// endings goes through the certificates in use of an organization's profiles, or
// with an empty id of all, and through ours, and returns those that are wanted.
func endings(tx *db.Tx, organizationID string, wanted func(*ending) bool) (list []ending, err error) {
	read := func(query string, ours bool) error {
		rows, err := tx.Query(query, organizationID)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			e := ending{ours: ours}
			var der []byte
			if err := rows.Scan(&e.profileID, &e.profile, &der, &e.addedAt); err != nil {
				return err
			}
			c, err := x509.ParseCertificate(der)
			if err != nil {
				return err
			}
			e.sha256, e.subject, e.notAfter = newCertificate(c, e.addedAt).SHA256, c.Subject.String(), c.NotAfter.UTC()
			if wanted(&e) {
				list = append(list, e)
			}
		}
		return rows.Err()
	}
	if err := read(`select p.id, p.name, c.der, c.added_at from sso_profiles p join sso_certificates c on c.sso_profile_id = p.id
		left join sso_certificate_standings s on s.sso_profile_id = c.sso_profile_id and s.sha256 = c.sha256
		where ($1 = '' or p.organization_id = $1) and s.gone_at is null order by p.id, c.sha256`, false); err != nil {
		return nil, err
	}
	return list, read(`select p.id, p.name, k.certificate, k.created_at from sso_profiles p join sso_keys k on k.sso_profile_id = p.id
		where ($1 = '' or p.organization_id = $1) and k.remove_at is null order by p.id, k.id`, true)
}

// untold returns those of which the present threshold was not told.
func untold(tx *db.Tx, all []ending) (list []ending, err error) {
	type key struct{ profileID, sha256 string }
	told := make(map[key]int)
	rows, err := tx.Query(`select sso_profile_id, sha256, min(days) from sso_expiry_mails group by sso_profile_id, sha256`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var k key
		var days int
		if err := rows.Scan(&k.profileID, &k.sha256, &days); err != nil {
			return nil, err
		}
		told[k] = days
	}
	for _, e := range all {
		if days, ok := told[key{e.profileID, e.sha256}]; !ok || threshold(e.notAfter, tx.Now()) < days {
			list = append(list, e)
		}
	}
	return list, rows.Err()
}

// openNotices tells of an organization's profiles what waits for somebody, and
// whose metadata can't be fetched.
func openNotices(tx *db.Tx, organizationID string) (list []Notice, err error) {
	list, err = db.Collect(tx, func(row db.Scanner) (n Notice, err error) {
		n.Kind, n.Urgent = NoticeWaiting, true
		err = row.Scan(&n.ProfileID, &n.Name, &n.At)
		return n, err
	}, `select p.id, p.name, min(s.use_at) from sso_profiles p join sso_certificate_standings s on s.sso_profile_id = p.id
		where p.organization_id = $1 and s.standing = 'waiting' group by p.id, p.name order by p.id`, organizationID)
	if err != nil {
		return nil, err
	}
	failing, err := db.Collect(tx, func(row db.Scanner) (n Notice, err error) {
		n.Kind, n.Urgent = NoticeSignIns, true
		err = row.Scan(&n.ProfileID, &n.Name, &n.At)
		return n, err
	}, `select p.id, p.name, a.began_at from sso_alerts a join sso_profiles p on p.id = a.sso_profile_id
		where a.organization_id = $1 and a.ended_at is null order by p.id`, organizationID)
	if err != nil {
		return nil, err
	}
	list = append(failing, list...)
	rows, err := tx.Query(`select p.id, p.name, m.failed_at, m.waiting <> '' from sso_profiles p join sso_metadata m on m.sso_profile_id = p.id
		where p.organization_id = $1 and (m.failed_at is not null or m.waiting <> '') order by p.id`, organizationID)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var n Notice
		var waiting bool
		if err := rows.Scan(&n.ProfileID, &n.Name, &n.At, &waiting); err != nil {
			return nil, err
		}
		if waiting {
			list = append(list, Notice{ProfileID: n.ProfileID, Name: n.Name, Kind: NoticeEntity, Urgent: true})
		}
		if n.Kind = NoticeFailing; !n.At.IsZero() {
			list = append(list, n)
		}
	}
	return list, rows.Err()
}

// noteEnding reports false if it was told before that so many days are left.
func noteEnding(tx *db.Tx, e *ending, days int) (bool, error) {
	n, err := tx.Exec(`insert into sso_expiry_mails (sso_profile_id, sha256, days, written_at) values ($1, $2, $3, $4)
		on conflict do nothing`, e.profileID, e.sha256, days, tx.Now())
	return n > 0, err
}

// alerts

const alertColumns = `sso_profile_id, organization_id, began_at, mailed_at, code, failed, tried, ended_at`

func scanAlert(row db.Scanner) (a Alert, err error) {
	err = row.Scan(&a.ProfileID, &a.OrganizationID, &a.BeganAt, &a.MailedAt, &a.Code, &a.Failed, &a.Tried, &a.EndedAt)
	return a, err
}

func alertOf(tx *db.Tx, profileID string) (Alert, error) {
	return db.One(tx, scanAlert, `select `+alertColumns+` from sso_alerts where sso_profile_id = $1`, profileID)
}

func openAlerts(tx *db.Tx, most int) ([]Alert, error) {
	return db.Collect(tx, scanAlert, `select `+alertColumns+` from sso_alerts where ended_at is null order by organization_id, sso_profile_id limit $1`, most)
}

func putAlert(tx *db.Tx, a *Alert) error {
	_, err := tx.Exec(`insert into sso_alerts (sso_profile_id, organization_id, began_at, mailed_at, code, failed, tried) values ($1, $2, $3, $4, $5, $6, $7)
		on conflict (sso_profile_id) do update set began_at = excluded.began_at, mailed_at = excluded.mailed_at, code = excluded.code,
			failed = excluded.failed, tried = excluded.tried, ended_at = null`,
		a.ProfileID, a.OrganizationID, a.BeganAt, a.MailedAt, string(a.Code), a.Failed, a.Tried)
	return err
}

func endAlert(tx *db.Tx, profileID string) error {
	_, err := tx.Exec(`update sso_alerts set ended_at = $2 where sso_profile_id = $1`, profileID, tx.Now())
	return err
}
