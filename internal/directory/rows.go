package directory

import (
	"database/sql"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/proof"
	"sallyport/internal/search"
)

func nullable(s string) sql.NullString { return sql.NullString{String: s, Valid: s != ""} }

// organizations

const organizationColumns = `id, name, edition, session_idle_minutes, session_max_minutes, initial_password_required, created_at`

func scanOrganization(row db.Scanner) (o Organization, err error) {
	var idle, most int64
	err = row.Scan(&o.ID, &o.Name, &o.Edition, &idle, &most, &o.InitialPassword, &o.CreatedAt)
	o.Limits.Idle, o.Limits.Max = time.Duration(idle)*time.Minute, time.Duration(most)*time.Minute
	return o, err
}

func insertOrganization(tx *db.Tx, o *Organization) error {
	_, err := tx.Exec(`insert into organizations (`+organizationColumns+`) values ($1, $2, $3, $4, $5, $6, $7)`,
		o.ID, o.Name, string(o.Edition), int64(o.Limits.Idle/time.Minute), int64(o.Limits.Max/time.Minute), o.InitialPassword, o.CreatedAt)
	return err
}

func updateOrganization(tx *db.Tx, o *Organization) error {
	_, err := tx.Exec(`update organizations set name = $2, edition = $3, session_idle_minutes = $4, session_max_minutes = $5,
			initial_password_required = $6 where id = $1`,
		o.ID, o.Name, string(o.Edition), int64(o.Limits.Idle/time.Minute), int64(o.Limits.Max/time.Minute), o.InitialPassword)
	return err
}

func organizationByID(tx *db.Tx, organizationID string) (Organization, error) {
	return db.One(tx, scanOrganization, `select `+organizationColumns+` from organizations where id = $1`, organizationID)
}

func organizations(tx *db.Tx, only string, p Page) ([]Organization, error) {
	return db.Collect(tx, scanOrganization, `select `+organizationColumns+` from organizations
		where ($1 = '' or id = $1) and id < $2 order by id desc limit $3`, only, p.before("org_"), p.Limit)
}

// domains

const domainColumns = `id, organization_id, name, status, coalesce(status_at, created_at), proof_token, proof_method,
	coalesce(sso_profile_id, ''), verified_at, disputed_at, evict_before, created_at`

func scanDomain(row db.Scanner) (d Domain, err error) {
	err = row.Scan(&d.ID, &d.OrganizationID, &d.Name, &d.Status, &d.StatusAt, &d.ProofToken, &d.Method,
		&d.ProfileID, &d.VerifiedAt, &d.DisputedAt, &d.EvictBefore, &d.CreatedAt)
	return d, err
}

func insertDomain(tx *db.Tx, d *Domain) (bool, error) {
	n, err := tx.Exec(`insert into domains (id, organization_id, name, status, status_at, proof_token, created_at)
		values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing`,
		d.ID, d.OrganizationID, d.Name, string(d.Status), d.StatusAt, d.ProofToken, d.CreatedAt)
	return n > 0, err
}

func updateDomain(tx *db.Tx, d *Domain) error {
	_, err := tx.Exec(`update domains set status = $2, status_at = $3, proof_method = $4, sso_profile_id = $5, verified_at = $6,
			disputed_at = $7, evict_before = $8 where id = $1`,
		d.ID, string(d.Status), d.StatusAt, string(d.Method), nullable(d.ProfileID), d.VerifiedAt, d.DisputedAt, d.EvictBefore)
	return err
}

const domainClaimsSQL = `select ` + domainColumns + ` from domains where name = $1 order by id`

// domainClaims returns all claims to a name.
func domainClaims(tx *db.Tx, name string) ([]Domain, error) {
	return db.Collect(tx, scanDomain, domainClaimsSQL, name)
}

const domainEvictingSQL = `select ` + domainColumns + ` from domains where evict_before is not null order by id limit 1`

// domainEvicting returns a claim whose users are to be removed.
func domainEvicting(tx *db.Tx) (Domain, error) {
	return db.One(tx, scanDomain, domainEvictingSQL)
}

func deleteDomain(tx *db.Tx, domainID string) error {
	_, err := tx.Exec(`delete from domains where id = $1`, domainID)
	return err
}

func domainByID(tx *db.Tx, domainID string) (Domain, error) {
	return db.One(tx, scanDomain, `select `+domainColumns+` from domains where id = $1`, domainID)
}

const domainHolderSQL = `select ` + domainColumns + ` from domains where name = $1 and status <> 'pending'`

func domainHolder(tx *db.Tx, name string) (Domain, error) {
	return db.One(tx, scanDomain, domainHolderSQL, name)
}

func domains(tx *db.Tx, organizationID string, p Page) ([]Domain, error) {
	return db.Collect(tx, scanDomain, `select `+domainColumns+` from domains
		where organization_id = $1 and id < $2 order by id desc limit $3`, organizationID, p.before("dom_"), p.Limit)
}

func countDomains(tx *db.Tx, organizationID string) (n int, err error) {
	err = tx.QueryRow(`select count(*) from domains where organization_id = $1`, organizationID).Scan(&n)
	return n, err
}

func enforcedWith(tx *db.Tx, profileID string) ([]Domain, error) {
	return db.Collect(tx, scanDomain, `select `+domainColumns+` from domains where sso_profile_id = $1 order by name`, profileID)
}

// domain checks

const checkColumns = `next_at, seen_at, looked_at, findings`

func scanCheck(row db.Scanner) (c DomainCheck, err error) {
	var findings string
	if err = row.Scan(&c.NextAt, &c.SeenAt, &c.Findings.At, &findings); err != nil {
		return c, err
	}
	return c, json.Unmarshal([]byte(findings), &c.Findings.Sightings)
}

// domainCheck returns what is known of a domain's proof: nothing, if an older
// release has made the claim.
func domainCheck(tx *db.Tx, domainID string) (DomainCheck, error) {
	c, err := db.One(tx, scanCheck, `select `+checkColumns+` from domain_checks where domain_id = $1`, domainID)
	if errors.Is(err, db.ErrNoRows) {
		return DomainCheck{}, nil
	}
	return c, err
}

func putDomainCheck(tx *db.Tx, domainID string, c *DomainCheck) error {
	sightings := c.Findings.Sightings
	if sightings == nil {
		sightings = []proof.Sighting{}
	}
	findings, err := json.Marshal(sightings)
	if err != nil {
		return err
	}
	_, err = tx.Exec(`insert into domain_checks (domain_id, next_at, seen_at, looked_at, findings) values ($1, $2, $3, $4, $5)
		on conflict (domain_id) do update set next_at = excluded.next_at, seen_at = excluded.seen_at,
			looked_at = excluded.looked_at, findings = excluded.findings`,
		domainID, c.NextAt, c.SeenAt, c.Findings.At, string(findings))
	return err
}

// askCheck notes that somebody asks for a check now, and reports false if
// somebody has since a time.
func askCheck(tx *db.Tx, domainID string, since time.Time) (bool, error) {
	n, err := tx.Exec(`insert into domain_checks (domain_id, asked_at, findings) values ($1, $2, '[]')
		on conflict (domain_id) do update set asked_at = excluded.asked_at
			where domain_checks.asked_at is null or domain_checks.asked_at <= $3`, domainID, tx.Now(), since)
	return n > 0, err
}

// hastenCheck makes a check due that would come later.
func hastenCheck(tx *db.Tx, domainID string) error {
	_, err := tx.Exec(`update domain_checks set next_at = $2 where domain_id = $1 and next_at > $2`, domainID, tx.Now())
	return err
}

const hastenDisputesSQL = `update domain_checks set next_at = $2 where domain_id in
	(select id from domains where name = $1 and disputed_at is not null)`

// hastenDisputes makes the checks of claims due that wait for a domain to
// become free.
func hastenDisputes(tx *db.Tx, name string) error {
	_, err := tx.Exec(hastenDisputesSQL, name, tx.Now())
	return err
}

const anyDueDomainSQL = `select count(*) from (select 1 from domain_checks where next_at <= $1 limit 1) due`

func anyDueDomain(tx *db.Tx) (bool, error) {
	var n int
	err := tx.QueryRow(anyDueDomainSQL, tx.Now()).Scan(&n)
	return n > 0, err
}

const takeDueDomainsSQL = `update domain_checks set next_at = $2 where domain_id in
	(select domain_id from domain_checks where next_at <= $1 order by next_at, domain_id limit $3) returning domain_id`

// takeDueDomains returns domains whose check is due, those that wait longest
// first, and keeps them from others until a time.
func takeDueDomains(tx *db.Tx, limit int, until time.Time) ([]Domain, error) {
	ids, err := db.Collect(tx, scanID, takeDueDomainsSQL, tx.Now(), until, limit)
	if err != nil {
		return nil, err
	}
	due := make([]Domain, 0, len(ids))
	for _, domainID := range ids {
		d, err := domainByID(tx, domainID)
		if err != nil {
			return nil, err
		}
		due = append(due, d)
	}
	return due, nil
}

const checksOfSQL = `select c.domain_id, c.next_at, c.seen_at, c.looked_at, c.findings
	from domains d join domain_checks c on c.domain_id = d.id where d.organization_id = $1`

// checksOf returns what is known of the proofs of an organization's domains, by
// their ids.
func checksOf(tx *db.Tx, organizationID string) (map[string]DomainCheck, error) {
	all := make(map[string]DomainCheck)
	rows, err := tx.Query(checksOfSQL, organizationID)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var domainID, findings string
		var c DomainCheck
		if err := rows.Scan(&domainID, &c.NextAt, &c.SeenAt, &c.Findings.At, &findings); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(findings), &c.Findings.Sightings); err != nil {
			return nil, err
		}
		all[domainID] = c
	}
	return all, rows.Err()
}

// users

const userColumns = `id, email, email_key, email_domain, name, coalesce(organization_id, ''), role, status, sso_setting,
	coalesce(sso_profile_id, ''), password_hash, password_set_at, proved_at, managed_at, activated_at, created_at, search_words`

func scanUser(row db.Scanner) (u User, err error) {
	err = row.Scan(&u.ID, &u.Email, &u.Key, &u.Domain, &u.Name, &u.OrganizationID, &u.Role, &u.Status, &u.SSO,
		&u.ProfileID, &u.PasswordHash, &u.PasswordSetAt, &u.ProvedAt, &u.ManagedAt, &u.ActivatedAt, &u.CreatedAt, &u.indexed.words)
	if u.indexed.words != "" {
		words := u.indexed.words
		u.indexed = u.searched()
		u.indexed.words = words
	}
	return u, err
}

// insertUser reports false if somebody has the address.
func insertUser(tx *db.Tx, u *User) (bool, error) {
	now := u.searched()
	n, err := tx.Exec(`insert into users (id, email, email_key, email_domain, name, organization_id, role, status, sso_setting,
			sso_profile_id, password_hash, password_set_at, proved_at, managed_at, activated_at, created_at, search_words)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) on conflict do nothing`,
		u.ID, u.Email, u.Key, u.Domain, u.Name, nullable(u.OrganizationID), string(u.Role), string(u.Status), string(u.SSO),
		nullable(u.ProfileID), u.PasswordHash, u.PasswordSetAt, u.ProvedAt, u.ManagedAt, u.ActivatedAt, u.CreatedAt, now.words)
	if err != nil || n == 0 {
		return false, err
	}
	err = reindex(tx, u.ID, indexed{}, now)
	u.indexed = now
	return true, err
}

// insertUsers inserts users whose addresses nobody has.
func insertUsers(tx *db.Tx, list []*User) error {
	var rows [][]any
	var entries []*search.Entry
	for _, u := range list {
		u.indexed = u.searched()
		if u.OrganizationID != "" {
			entries = append(entries, u.indexed.entry(u.ID))
		}
		rows = append(rows, []any{u.ID, u.Email, u.Key, u.Domain, u.Name, nullable(u.OrganizationID), string(u.Role), string(u.Status), string(u.SSO),
			nullable(u.ProfileID), u.PasswordHash, u.PasswordSetAt, u.ProvedAt, u.ManagedAt, u.ActivatedAt, u.CreatedAt, u.indexed.words})
	}
	if err := insertRows(tx, `insert into users (id, email, email_key, email_domain, name, organization_id, role, status, sso_setting,
		sso_profile_id, password_hash, password_set_at, proved_at, managed_at, activated_at, created_at, search_words) values `, rows); err != nil {
		return err
	}
	return search.Put(tx, entries...)
}

// insertRows inserts several rows with each statement.
func insertRows(tx *db.Tx, statement string, rows [][]any) error {
	for len(rows) > 0 {
		n := 1
		if len(rows) >= 16 { // few different statements
			n = 16
		}
		var values strings.Builder
		var args []any
		for i, row := range rows[:n] {
			if i > 0 {
				values.WriteByte(',')
			}
			for j, v := range row {
				values.WriteString(map[bool]string{true: "($", false: ",$"}[j == 0])
				args = append(args, v)
				values.WriteString(strconv.Itoa(len(args)))
			}
			values.WriteByte(')')
		}
		rows = rows[n:]
		if _, err := tx.Exec(statement+values.String(), args...); err != nil {
			return err
		}
	}
	return nil
}

func updateUser(tx *db.Tx, u *User) error {
	now := u.searched()
	_, err := tx.Exec(`update users set email = $2, email_key = $3, email_domain = $4, name = $5, organization_id = $6, role = $7,
			status = $8, sso_setting = $9, sso_profile_id = $10, password_hash = $11, password_set_at = $12, proved_at = $13,
			managed_at = $14, activated_at = $15, search_words = $16
		where id = $1`,
		u.ID, u.Email, u.Key, u.Domain, u.Name, nullable(u.OrganizationID), string(u.Role), string(u.Status), string(u.SSO),
		nullable(u.ProfileID), u.PasswordHash, u.PasswordSetAt, u.ProvedAt, u.ManagedAt, u.ActivatedAt, now.words)
	if err != nil {
		return err
	}
	err = reindex(tx, u.ID, u.indexed, now)
	u.indexed = now
	return err
}

// unprovedSignUps returns independent users who signed up before an instant and
// never proved their address.
func unprovedSignUps(tx *db.Tx, before time.Time, limit int) ([]User, error) {
	return db.Collect(tx, scanUser, `select `+userColumns+` from users
		where status = 'invited' and organization_id is null and created_at < $1 and password_set_at < $1
			and password_hash <> '' and proved_at is null
		order by created_at, id limit $2`, before, limit)
}

// languageOf returns in which language a user reads; empty if that is not known.
func languageOf(tx *db.Tx, userID string) (language string, err error) {
	err = tx.QueryRow(`select language from users where id = $1`, userID).Scan(&language)
	return language, err
}

func setLanguage(tx *db.Tx, userID, language string) error {
	_, err := tx.Exec(`update users set language = $2 where id = $1`, userID, language)
	return err
}

func deleteUser(tx *db.Tx, u *User) error {
	if _, err := tx.Exec(`delete from users where id = $1`, u.ID); err != nil {
		return err
	}
	return reindex(tx, u.ID, u.indexed, indexed{})
}

func userByID(tx *db.Tx, userID string) (User, error) {
	return db.One(tx, scanUser, `select `+userColumns+` from users where id = $1`, userID)
}

func userByKey(tx *db.Tx, key string) (User, error) {
	return db.One(tx, scanUser, `select `+userColumns+` from users where email_key = $1`, key)
}

func users(tx *db.Tx, organizationID string, p Page) ([]User, error) {
	return db.Collect(tx, scanUser, `select `+userColumns+` from users
		where organization_id = $1 and id < 'usr_' || $2 order by id desc limit $3`, organizationID, p.before(""), p.Limit)
}

func usersByID(tx *db.Tx, organizationID string, ids []string) ([]User, error) {
	return byIDs(tx, scanUser, `select `+userColumns+` from users where coalesce(organization_id, '') = $1 and id in (`, organizationID, ids)
}

func unsearchedUsers(tx *db.Tx, limit int) ([]User, error) {
	return db.Collect(tx, scanUser, `select `+userColumns+` from users
		where organization_id is not null and search_words = '' order by id limit $1`, limit)
}

// usersByKey returns those who have one of these addresses.
func usersByKey(tx *db.Tx, keys []string) ([]User, error) {
	return byKeys(tx, scanUser, `select `+userColumns+` from users where email_key in (`, keys)
}

func independentUsers(tx *db.Tx, domain, after string, limit int) ([]User, error) {
	return db.Collect(tx, scanUser, `select `+userColumns+` from users
		where email_domain = $1 and organization_id is null and id > $2 order by id limit $3`, domain, after, limit)
}

func countIndependent(tx *db.Tx, domain string) (n int64, err error) {
	err = tx.QueryRow(`select count(*) from users where email_domain = $1 and organization_id is null`, domain).Scan(&n)
	return n, err
}

// byKeys reads the rows that a list of values names. The statement goes up to
// that list; others fill its first places.
func byKeys[T any](tx *db.Tx, scan func(db.Scanner) (T, error), statement string, keys []string, others ...any) ([]T, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	size := 1
	for size < len(keys) {
		size *= 4 // few different statements
	}
	args := others
	for i := range size {
		if i > 0 {
			statement += ","
		}
		args = append(args, keys[min(i, len(keys)-1)])
		statement += "$" + strconv.Itoa(len(args))
	}
	return db.Collect(tx, scan, statement+")", args...)
}

// byIDs reads the rows of an organization that a list of ids names. The
// statement goes up to that list. It names the organization in a way that no
// index is for: with its plan for any values, PostgreSQL would go through all
// rows of the organization.
func byIDs[T any](tx *db.Tx, scan func(db.Scanner) (T, error), statement, organizationID string, ids []string) ([]T, error) {
	return byKeys(tx, scan, statement, ids, organizationID)
}

// countUsers counts up to most, from the index alone.
func countUsers(tx *db.Tx, organizationID string, status access.UserStatus, role access.Role, most int) (n int64, err error) {
	err = tx.QueryRow(`select count(*) from (select 1 from users where organization_id = $1 and status = $2 and role = $3 limit $4) u`,
		organizationID, string(status), string(role), most).Scan(&n)
	return n, err
}

// pilot returns a user who is made to sign in with a profile.
func pilot(tx *db.Tx, profileID string) (User, error) {
	return db.One(tx, scanUser, `select `+userColumns+` from users where sso_profile_id = $1 order by id limit 1`, profileID)
}

const pilotAtDomainSQL = `select count(*) from (select 1 from users where email_domain = $1 and organization_id = $2
	and sso_setting = 'enabled' limit 1) p`

func pilotAtDomain(tx *db.Tx, organizationID, domain string) (bool, error) {
	var n int
	err := tx.QueryRow(pilotAtDomainSQL, domain, organizationID).Scan(&n)
	return n > 0, err
}

func activeOwners(tx *db.Tx, organizationID string) ([]User, error) {
	return db.Collect(tx, scanUser, `select `+userColumns+` from users
		where organization_id = $1 and role = 'owner' and status = 'active' order by id`, organizationID)
}

// activeAdministrators are those who open the Admin Center, owners included.
func activeAdministrators(tx *db.Tx, organizationID string) ([]User, error) {
	return db.Collect(tx, scanUser, `select `+userColumns+` from users
		where organization_id = $1 and role in ('owner', 'administrator') and status = 'active' order by id`, organizationID)
}

const countAtDomainSQL = `select sso_setting, status, count(*) from users
	where email_domain = $1 and organization_id = $2 group by sso_setting, status`

// countAtDomain counts the managed users of an organization at a domain.
func countAtDomain(tx *db.Tx, organizationID, domain string) (c DomainCounts, err error) {
	rows, err := tx.Query(countAtDomainSQL, domain, organizationID)
	if err != nil {
		return c, err
	}
	defer rows.Close()
	for rows.Next() {
		var sso access.SSOSetting
		var status access.UserStatus
		var n int64
		if err := rows.Scan(&sso, &status, &n); err != nil {
			return c, err
		}
		c.Total += n
		switch {
		case status == access.UserDeactivated:
			c.Deactivated += n
		case sso == access.SSODisabled:
			c.Disabled += n
		case sso == access.SSOEnabled:
			c.Enabled += n
		default:
			c.Inherit += n
		}
		if status == access.UserInvited {
			c.NeverActive += n
		}
	}
	return c, rows.Err()
}

func scanID(row db.Scanner) (userID string, err error) {
	err = row.Scan(&userID)
	return userID, err
}

const userIDsAtDomainSQL = `select id from users
	where organization_id = $1 and email_domain = $2 and sso_setting = 'inherit' and id > $3 order by id limit $4`

func userIDsAtDomain(tx *db.Tx, organizationID, domain, after string, limit int) ([]string, error) {
	return db.Collect(tx, scanID, userIDsAtDomainSQL, organizationID, domain, after, limit)
}

const usersToEvictSQL = `select ` + userColumns + ` from users
	where organization_id = $1 and email_domain = $2 and (managed_at is null or managed_at <= $3) order by id limit $4`

// usersToEvict returns some of those whom an organization lost with a domain.
func usersToEvict(tx *db.Tx, d *Domain, limit int) ([]User, error) {
	return db.Collect(tx, scanUser, usersToEvictSQL, d.OrganizationID, d.Name, d.EvictBefore, limit)
}

// invitations

const invitationColumns = `id, organization_id, email, email_key, email_domain, name, role, created_at, search_words`

func scanInvitation(row db.Scanner) (i Invitation, err error) {
	err = row.Scan(&i.ID, &i.OrganizationID, &i.Email, &i.Key, &i.Domain, &i.Name, &i.Role, &i.CreatedAt, &i.indexed.words)
	if i.Domain == "" { // written by an earlier release
		i.Domain = i.Key[strings.LastIndexByte(i.Key, '@')+1:]
	}
	if i.indexed.words != "" {
		words := i.indexed.words
		i.indexed = i.searched()
		i.indexed.words = words
	}
	return i, err
}

func invitationLanguage(tx *db.Tx, invitationID string) (language string, err error) {
	err = tx.QueryRow(`select language from invitations where id = $1`, invitationID).Scan(&language)
	return language, err
}

func setInvitationLanguage(tx *db.Tx, invitationID, language string) error {
	_, err := tx.Exec(`update invitations set language = $2 where id = $1`, invitationID, language)
	return err
}

func insertInvitation(tx *db.Tx, i *Invitation) error {
	now := i.searched()
	_, err := tx.Exec(`insert into invitations (`+invitationColumns+`) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		i.ID, i.OrganizationID, i.Email, i.Key, i.Domain, i.Name, string(i.Role), i.CreatedAt, now.words)
	if err != nil {
		return err
	}
	err = reindex(tx, i.ID, i.indexed, now)
	i.indexed = now
	return err
}

func insertInvitations(tx *db.Tx, list []*Invitation) error {
	var rows [][]any
	var entries []*search.Entry
	for _, i := range list {
		i.indexed = i.searched()
		entries = append(entries, i.indexed.entry(i.ID))
		rows = append(rows, []any{i.ID, i.OrganizationID, i.Email, i.Key, i.Domain, i.Name, string(i.Role), i.CreatedAt, i.indexed.words})
	}
	if err := insertRows(tx, `insert into invitations (`+invitationColumns+`) values `, rows); err != nil {
		return err
	}
	return search.Put(tx, entries...)
}

func indexInvitation(tx *db.Tx, i *Invitation) error {
	now := i.searched()
	_, err := tx.Exec(`update invitations set email_domain = $2, search_words = $3 where id = $1`, i.ID, i.Domain, now.words)
	if err != nil {
		return err
	}
	err = reindex(tx, i.ID, i.indexed, now)
	i.indexed = now
	return err
}

func deleteInvitation(tx *db.Tx, i *Invitation) error {
	if _, err := tx.Exec(`delete from invitations where id = $1`, i.ID); err != nil {
		return err
	}
	return reindex(tx, i.ID, i.indexed, indexed{})
}

func invitationByID(tx *db.Tx, invitationID string) (Invitation, error) {
	return db.One(tx, scanInvitation, `select `+invitationColumns+` from invitations where id = $1`, invitationID)
}

func invitationFor(tx *db.Tx, organizationID, key string) (Invitation, error) {
	return db.One(tx, scanInvitation, `select `+invitationColumns+` from invitations where organization_id = $1 and email_key = $2`, organizationID, key)
}

func invitationsAtDomain(tx *db.Tx, organizationID, domain string) ([]Invitation, error) {
	return db.Collect(tx, scanInvitation, `select `+invitationColumns+` from invitations
		where organization_id = $1 and email_domain = $2 order by id`, organizationID, domain)
}

func invitations(tx *db.Tx, organizationID string, p Page) ([]Invitation, error) {
	return db.Collect(tx, scanInvitation, `select `+invitationColumns+` from invitations
		where organization_id = $1 and id < 'inv_' || $2 order by id desc limit $3`, organizationID, p.before(""), p.Limit)
}

func invitationsByID(tx *db.Tx, organizationID string, ids []string) ([]Invitation, error) {
	return byIDs(tx, scanInvitation, `select `+invitationColumns+` from invitations where coalesce(organization_id, '') = $1 and id in (`, organizationID, ids)
}

// invitationsByKey returns the organization's invitations of these addresses.
func invitationsByKey(tx *db.Tx, organizationID string, keys []string) ([]Invitation, error) {
	return byKeys(tx, scanInvitation, `select `+invitationColumns+` from invitations where organization_id = $1 and email_key in (`, keys, organizationID)
}

func unsearchedInvitations(tx *db.Tx, limit int) ([]Invitation, error) {
	return db.Collect(tx, scanInvitation, `select `+invitationColumns+` from invitations where search_words = '' order by id limit $1`, limit)
}

// changes of addresses

const addressChangeColumns = `id, user_id, email, email_key, email_domain, created_at`

func scanAddressChange(row db.Scanner) (c AddressChange, err error) {
	err = row.Scan(&c.ID, &c.UserID, &c.Email, &c.Key, &c.Domain, &c.CreatedAt)
	return c, err
}

func insertAddressChange(tx *db.Tx, c *AddressChange) error {
	_, err := tx.Exec(`insert into address_changes (`+addressChangeColumns+`) values ($1, $2, $3, $4, $5, $6)`,
		c.ID, c.UserID, c.Email, c.Key, c.Domain, c.CreatedAt)
	return err
}

func addressChangeOf(tx *db.Tx, userID string) (AddressChange, error) {
	return db.One(tx, scanAddressChange, `select `+addressChangeColumns+` from address_changes where user_id = $1`, userID)
}

func addressChangeByID(tx *db.Tx, changeID string) (AddressChange, error) {
	return db.One(tx, scanAddressChange, `select `+addressChangeColumns+` from address_changes where id = $1`, changeID)
}

func deleteAddressChange(tx *db.Tx, userID string) error {
	_, err := tx.Exec(`delete from address_changes where user_id = $1`, userID)
	return err
}

// accounts

const accountColumns = `id, organization_id, name, archived_at, created_at`

func scanAccount(row db.Scanner) (a Account, err error) {
	err = row.Scan(&a.ID, &a.OrganizationID, &a.Name, &a.ArchivedAt, &a.CreatedAt)
	return a, err
}

func insertAccount(tx *db.Tx, a *Account) error {
	_, err := tx.Exec(`insert into accounts (`+accountColumns+`) values ($1, $2, $3, $4, $5)`,
		a.ID, a.OrganizationID, a.Name, a.ArchivedAt, a.CreatedAt)
	return err
}

func updateAccount(tx *db.Tx, a *Account) error {
	_, err := tx.Exec(`update accounts set name = $2, archived_at = $3 where id = $1`, a.ID, a.Name, a.ArchivedAt)
	return err
}

func accountByID(tx *db.Tx, accountID string) (Account, error) {
	return db.One(tx, scanAccount, `select `+accountColumns+` from accounts where id = $1`, accountID)
}

func accounts(tx *db.Tx, organizationID string, p Page) ([]Account, error) {
	return db.Collect(tx, scanAccount, `select `+accountColumns+` from accounts
		where organization_id = $1 and id < $2 order by id desc limit $3`, organizationID, p.before("acc_"), p.Limit)
}

func putMember(tx *db.Tx, m *Member) error {
	roles, err := json.Marshal(m.Roles)
	if err != nil {
		return err
	}
	_, err = tx.Exec(`insert into account_members (account_id, user_id, roles, created_at) values ($1, $2, $3, $4)
		on conflict (account_id, user_id) do update set roles = excluded.roles`, m.AccountID, m.UserID, string(roles), m.CreatedAt)
	return err
}

func scanMember(row db.Scanner) (m Member, err error) {
	var roles string
	if err = row.Scan(&m.AccountID, &m.UserID, &roles, &m.CreatedAt); err != nil {
		return m, err
	}
	return m, json.Unmarshal([]byte(roles), &m.Roles)
}

func member(tx *db.Tx, accountID, userID string) (Member, error) {
	return db.One(tx, scanMember, `select account_id, user_id, roles, created_at from account_members
		where account_id = $1 and user_id = $2`, accountID, userID)
}

func members(tx *db.Tx, accountID string, p Page) ([]Member, error) {
	return db.Collect(tx, scanMember, `select account_id, user_id, roles, created_at from account_members
		where account_id = $1 and user_id < $2 order by user_id desc limit $3`, accountID, p.before("usr_"), p.Limit)
}

func membershipsOf(tx *db.Tx, userID string) ([]Member, error) {
	return db.Collect(tx, scanMember, `select account_id, user_id, roles, created_at from account_members
		where user_id = $1 order by account_id`, userID)
}

func deleteMember(tx *db.Tx, accountID, userID string) (int64, error) {
	return tx.Exec(`delete from account_members where account_id = $1 and user_id = $2`, accountID, userID)
}

func deleteMemberships(tx *db.Tx, userID string) error {
	_, err := tx.Exec(`delete from account_members where user_id = $1`, userID)
	return err
}

// subject reads what the sign-in policy needs of a user.
func subject(tx *db.Tx, u *User) (access.Subject, error) {
	d, err := domainHolder(tx, u.Domain)
	if err != nil && !errors.Is(err, db.ErrNoRows) {
		return access.Subject{}, err
	}
	return subjectAt(u, d.held()), nil
}

func subjectAt(u *User, d access.HeldDomain) access.Subject {
	return access.Subject{Status: u.Status, OrganizationID: u.OrganizationID, SSO: u.SSO, SSOProfileID: u.ProfileID, Domain: d}
}
