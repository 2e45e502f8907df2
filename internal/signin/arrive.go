package signin

import (
	"context"
	"errors"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/password"
	"sallyport/internal/record"
	"sallyport/internal/session"
	"sallyport/internal/trace"
)

// An Arrival is a user who has proved who they are and has no session yet.
type Arrival struct {
	UserID                          string
	Method                          access.Method
	ProfileID, NameID, SessionIndex string
	NameIDDetails, Certificate      string // see session.Session
	AuthenticatedAt                 time.Time
	NotOnOrAfter                    time.Time
	ReturnTo                        string
	Reference                       string
	// Checks are what the record says of the attempt, where it says nothing yet.
	Checks []record.Check
	// Initial is set where the user has just set the initial password by the
	// link that was mailed: this once it signs in, whatever the policy says of
	// the next time.
	Initial bool
}

// A Page may stand between a good sign-in and its session.
type Page string

const (
	PageNone            Page = ""
	PageContinue        Page = "continue"         // somebody else is signed in here
	PageInitialPassword Page = "initial_password" // the user sets a password, once
	PageDepart          Page = "depart"           // no page of ours: on to the Identity Provider
)

// An Outcome is what becomes of an arrival: a session, or a page first.
type Outcome struct {
	Page         Page
	SessionToken string // without a page
	ReturnTo     string
	User         directory.User
	// PageToken goes into the page's form, BrowserToken into a cookie: both
	// have to come back.
	PageToken, BrowserToken string
	// SpentToken is a token of the browser's that is of no use any more.
	SpentToken string
	ProfileID  string // with PageDepart
}

// pageLife is how long a page may be answered.
const pageLife = 15 * time.Minute

// Arrive lets a user in, or asks something first. It runs in the transaction
// that consumed what proved the user, and asks the policy there. Current is who
// is signed in in this browser; nil for nobody. A refused arrival is a
// [*fault.Error].
func (s *Service) Arrive(tx *db.Tx, a Arrival, current *Identity) (Outcome, error) {
	u, err := s.directory.UserByID(tx, a.UserID)
	if err != nil {
		return Outcome{}, userGone(err)
	}
	if err := s.mayArrive(tx, &u, a); err != nil {
		return Outcome{}, err
	}
	if u.Status == access.UserInvited {
		asks, err := s.asksForPassword(tx, &u)
		if err != nil {
			return Outcome{}, err
		}
		if asks {
			return s.park(tx, PageInitialPassword, a, u)
		}
		if err := s.directory.Activate(tx, &u, ""); err != nil {
			return Outcome{}, err
		}
	}
	return s.enter(tx, a, u, current)
}

// userGone answers for a user who was removed between two steps.
func userGone(err error) error {
	if errors.Is(err, fault.NotFound) {
		return fault.New(fault.UserNotFound, "")
	}
	return err
}

// mayArrive asks the policy. Break-glass is no method of it: it lets owners in,
// however they sign in.
func (s *Service) mayArrive(tx *db.Tx, u *directory.User, a Arrival) error {
	if a.Method == access.MethodRecovery {
		return mayRecover(u)
	}
	d, err := s.directory.SignIn(tx, u)
	if err != nil {
		return err
	}
	if f := Mismatch(d, a.Method, a.ProfileID); f != nil && (!a.Initial || f.Code == fault.UserDeactivated) {
		return f
	}
	if u.Status == access.UserInvited && a.Method == access.MethodPassword {
		return fault.New(fault.UserNotActivated, "The link in the mail that you got completes it.")
	}
	return nil
}

// Mismatch refuses a way of signing in that is not the policy's decision, and
// returns nil for the one that is. A profile that is not the user's own is told
// after everything else.
func Mismatch(d access.Decision, method access.Method, profileID string) *fault.Error {
	switch {
	case d.Method == access.MethodNone:
		return fault.New(fault.UserDeactivated, "Your administrator can switch it on again.")
	case d.Method == access.MethodSSO && method == access.MethodPassword:
		return fault.New(fault.SSORequired, "Passwords are not accepted for your address.")
	case d.Method == access.MethodPassword && method == access.MethodSSO:
		return fault.New(fault.SSONotEnabledForUser, "Single sign-on is not switched on for you.")
	case d.Method == access.MethodSSO && d.ProfileID != profileID:
		return fault.New(fault.SSOProfileMismatch, "Your organization signs you in somewhere else.")
	}
	return nil
}

// asksForPassword reports whether an invited user sets a password now.
func (s *Service) asksForPassword(tx *db.Tx, u *directory.User) (bool, error) {
	if u.OrganizationID == "" {
		return false, nil
	}
	o, err := s.directory.OrganizationByID(tx, u.OrganizationID)
	return o.InitialPassword, err
}

// enter begins the session, unless somebody else has one in this browser.
func (s *Service) enter(tx *db.Tx, a Arrival, u directory.User, current *Identity) (Outcome, error) {
	if current != nil {
		if current.User.ID != u.ID {
			return s.park(tx, PageContinue, a, u)
		}
		if _, err := s.sessions.End(tx, u.ID, current.Session.ID); err != nil {
			return Outcome{}, err
		}
	}
	return s.begin(tx, a, u)
}

// begin begins the session and records the sign-in.
func (s *Service) begin(tx *db.Tx, a Arrival, u directory.User) (Outcome, error) {
	token, begun, err := s.sessions.Begin(tx, session.Start{
		UserID: u.ID, Method: a.Method, ProfileID: a.ProfileID, NameID: a.NameID, NameIDDetails: a.NameIDDetails, SessionIndex: a.SessionIndex,
		Certificate:     a.Certificate,
		AuthenticatedAt: a.AuthenticatedAt, NotOnOrAfter: a.NotOnOrAfter,
	})
	if err != nil {
		return Outcome{}, err
	}
	if a.Reference == "" {
		a.Reference = s.record.Reference()
	}
	if a.Method == access.MethodRecovery {
		if err := s.tellRecovery(tx, begun.ID, &u); err != nil {
			return Outcome{}, err
		}
	}
	tx.AfterCommit(func() { s.observe(a.Method, audit.Succeeded, "") })
	attempt := Attempt{Method: a.Method, ProfileID: a.ProfileID, OrganizationID: u.OrganizationID, User: u, Reference: a.Reference, Checks: a.Checks}
	err = s.record.Succeed(tx, attempt.Note(tx.Actor(), tx.Now()))
	return Outcome{SessionToken: token, ReturnTo: a.ReturnTo, User: u}, err
}

// park keeps an arrival while a page is answered.
func (s *Service) park(tx *db.Tx, page Page, a Arrival, u directory.User) (Outcome, error) {
	o := Outcome{Page: page, ReturnTo: a.ReturnTo, User: u, PageToken: s.ids.Token(), BrowserToken: s.ids.Token()}
	if a.Reference == "" {
		a.Reference = s.record.Reference()
	}
	if len(a.Checks) > 0 { // else the record knows them
		attempt := Attempt{Method: a.Method, ProfileID: a.ProfileID, OrganizationID: u.OrganizationID, User: u, Reference: a.Reference, Checks: a.Checks}
		note := attempt.Note(tx.Actor(), tx.Now())
		tx.AfterCommit(func() { s.record.Verify(note) })
	}
	if a.AuthenticatedAt.IsZero() {
		a.AuthenticatedAt = tx.Now()
	}
	return o, insertArrival(tx, &parked{
		hash: id.Hash(o.PageToken), browser: id.Hash(o.BrowserToken), page: page, arrival: a, expiresAt: tx.Now().Add(pageLife),
	})
}

// An Answer is what comes back from a page.
type Answer struct {
	PageToken     string
	BrowserTokens []string // of the browser's cookies
	Current       *Identity
	Named         string // id of the user whom the page named as signed in
	Language      string // of the page
}

// errForeignPage answers for a page that is nobody's, or another browser's.
var errForeignPage = fault.New(fault.LinkExpired, "Please sign in again.")

// errAlreadySet answers for an initial password that was set meanwhile, on
// another page.
var errAlreadySet = fault.New(fault.LinkUsed, "Your password is set already.")

// takeArrival finds and uses up the arrival that a page was about. It is the
// browser's own, not over and not used before, or the fault says so.
func (s *Service) takeArrival(tx *db.Tx, page Page, in Answer) (Arrival, directory.User, error) {
	p, err := arrivalByHash(tx, id.Hash(in.PageToken))
	switch {
	case errors.Is(err, db.ErrNoRows):
		return Arrival{}, directory.User{}, errForeignPage
	case err != nil:
		return Arrival{}, directory.User{}, err
	}
	u, err := s.directory.UserByID(tx, p.arrival.UserID)
	if err != nil {
		return Arrival{}, u, userGone(err)
	}
	another := p.arrival
	another.Reference = "" // the attempt stays the right browser's, or has ended
	_, bound := BoundTo(p.browser, in.BrowserTokens)
	switch {
	case p.page != page || !bound:
		return another, u, errForeignPage
	case !p.usedAt.IsZero():
		return another, u, fault.New(fault.LinkUsed, "This step is done already.")
	case !tx.Now().Before(p.expiresAt):
		return p.arrival, u, fault.New(fault.LinkExpired, "Please sign in again.")
	}
	if err := useArrival(tx, p.hash); err != nil {
		return Arrival{}, directory.User{}, err
	}
	if p.page == PageInitialPassword && p.made().Before(u.PasswordSetAt) {
		return p.arrival, u, errAlreadySet
	}
	if p.outlived(&u) {
		return p.arrival, u, errForeignPage
	}
	return p.arrival, u, s.mayArrive(tx, &u, p.arrival)
}

// outlived reports whether the user has become managed, or got another address or
// password, since the page was made: that ends what was under way.
func (p *parked) outlived(u *directory.User) bool {
	made := p.made()
	return made.Before(u.ManagedAt) || made.Before(u.ProvedAt) || made.Before(u.PasswordSetAt)
}

// made is when the page was.
func (p *parked) made() time.Time { return p.expiresAt.Add(-pageLife) }

// answered takes the arrival that a page was about, and lets then end it. A
// user who may not arrive any more is refused as at every other way in: with a
// [*Refusal], recorded.
func (s *Service) answered(ctx context.Context, actor access.Actor, page Page, in Answer,
	then func(*db.Tx, Arrival, directory.User) (Outcome, error)) (o Outcome, err error) {
	ctx, span := trace.Start(ctx, "signin.answer")
	defer func() { span.End(err) }()
	var refusal *Refusal
	err = s.db.Update(ctx, actor, func(tx *db.Tx) error {
		o, refusal = Outcome{}, nil
		a, u, err := s.takeArrival(tx, page, in)
		if err == nil {
			o, err = then(tx, a, u)
			return err
		}
		var f *fault.Error
		if !errors.As(err, &f) || a.UserID == "" {
			return err
		}
		refusal = s.Refuse(tx, Attempt{Method: a.Method, ProfileID: a.ProfileID, OrganizationID: u.OrganizationID, User: u, Reference: a.Reference,
			Checks: []record.Check{pageRefused(&u, f)}}, f)
		return nil
	})
	if err == nil && refusal != nil {
		err = refusal
	}
	return o, err
}

// Continue answers the question whether to go on as somebody else: the session
// of who was signed in here ends, and the new one begins. Where by now a third
// person is signed in, whom the page did not name, it is asked again.
func (s *Service) Continue(ctx context.Context, actor access.Actor, in Answer) (Outcome, error) {
	return s.answered(ctx, actor, PageContinue, in, func(tx *db.Tx, a Arrival, u directory.User) (Outcome, error) {
		if in.Current == nil {
			return s.begin(tx, a, u)
		}
		if now := in.Current.User.ID; now != in.Named && now != u.ID {
			return s.park(tx, PageContinue, a, u)
		}
		if _, err := s.sessions.End(tx, in.Current.User.ID, in.Current.Session.ID); err != nil {
			return Outcome{}, err
		}
		return s.begin(tx, a, u)
	})
}

// SetInitialPassword sets the password of an invited user who has arrived, once,
// and lets the user in. A password that is refused does not use the page up.
func (s *Service) SetInitialPassword(ctx context.Context, actor access.Actor, in Answer, plain string) (o Outcome, err error) {
	u, organization, err := s.pageUser(ctx, in)
	if err != nil {
		return o, err
	}
	if err := password.Check(plain, u.Key, s.cfg.Product, organization); err != nil {
		return Outcome{Page: PageInitialPassword, User: u}, err
	}
	hash, err := s.hasher.Hash(ctx, plain)
	if err != nil {
		return o, err
	}
	return s.answered(ctx, actor, PageInitialPassword, in, func(tx *db.Tx, a Arrival, u directory.User) (Outcome, error) {
		if u.Status != access.UserInvited || u.OrganizationID == "" {
			return Outcome{}, errAlreadySet
		}
		if err := s.directory.SetLanguage(tx, u.ID, in.Language); err != nil {
			return Outcome{}, err
		}
		if err := s.directory.Activate(tx, &u, hash); err != nil {
			return Outcome{}, err
		}
		return s.enter(tx, a, u, in.Current)
	})
}

// pageUser returns whose page it is, to check a password before it is hashed.
func (s *Service) pageUser(ctx context.Context, in Answer) (u directory.User, organization string, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		p, err := arrivalByHash(tx, id.Hash(in.PageToken))
		if errors.Is(err, db.ErrNoRows) {
			return errForeignPage
		}
		if err != nil {
			return err
		}
		if _, bound := BoundTo(p.browser, in.BrowserTokens); !bound {
			return errForeignPage
		}
		if u, err = s.directory.UserByID(tx, p.arrival.UserID); err != nil {
			return userGone(err)
		}
		if u.OrganizationID == "" {
			return nil
		}
		o, err := s.directory.OrganizationByID(tx, u.OrganizationID)
		organization = o.Name
		return err
	})
	return u, organization, err
}
