package sso_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/fault"
	"sallyport/internal/sso"
	"sallyport/internal/testenv/parts"
	"sallyport/saml/samltest"
)

// A watch is an organization whose administrators are told when sign-ins fail.
type watch struct {
	*scene
	t     *testing.T
	admin string
	users []string
}

func newWatch(t *testing.T, p *parts.Parts) *watch {
	t.Helper()
	w := &watch{scene: newScene(t, p), t: t}
	w.admin = w.Organization.User(t, "admin@acme.test", access.RoleAdministrator).Email
	for i := range 12 {
		w.users = append(w.users, w.Organization.User(t, fmt.Sprintf("user%d@acme.test", i), access.RoleMember).Email)
	}
	return w
}

// works lets so many people sign in, a minute after each other.
func (w *watch) works(n int) {
	w.t.Helper()
	for i := range n {
		w.Pass(time.Minute)
		if _, err := w.Login(w.t, w.users[i%len(w.users)]); err != nil {
			w.t.Fatal(err)
		}
	}
}

// fails has so many people refused, from an address.
func (w *watch) fails(n int, address string, code fault.Code, edit func(i int, r *samltest.Response)) {
	w.t.Helper()
	for i := range n {
		w.Pass(time.Minute)
		req, _ := w.Start(w.t, "")
		_, err := w.SSO.Consume(w.t.Context(), access.Actor{Address: address},
			w.Answer(req.ID, w.users[i%len(w.users)], func(r *samltest.Response) { edit(i, r) }))
		if parts.Code(err) != code {
			w.t.Fatalf("%v, not %s", err, code)
		}
	}
}

func rolled(_ int, r *samltest.Response) {
	other := &samltest.Signing{Key: samltest.NamedKey(samltest.RSA2048Other)}
	r.ResponseSigning, r.AssertionSigning = other, other
}

// told looks, and returns how many mails the administrator has got since the last
// time.
func (w *watch) told() int {
	w.t.Helper()
	w.Flush(w.t)
	for range 3 { // once more says nothing more
		if err := w.SSO.WatchSignIns(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
	}
	n := 0
	for _, m := range w.Mails(w.t, w.admin) {
		if strings.Contains(m.Subject, "failing") {
			n++
		}
	}
	return n
}

func (w *watch) failing() bool {
	w.t.Helper()
	list, err := w.SSO.Notices(w.t.Context(), parts.Operator(), w.Organization.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, n := range list {
		if n.Kind == sso.NoticeSignIns {
			return n.Urgent && n.ProfileID == w.ID && !n.At.IsZero()
		}
	}
	return false
}

const office, elsewhere = "192.0.2.1", "198.51.100.7"

// TestAdministratorsAreToldOnceWhenSignInsBeginToFail, and again only if they
// worked in between.
func TestAdministratorsAreToldOnceWhenSignInsBeginToFail(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		w := newWatch(t, p)
		w.works(10)
		w.Pass(2 * time.Hour)
		w.fails(4, office, fault.SAMLCertificateUnknown, rolled)
		if w.told() != 0 || w.failing() {
			t.Error("told of four")
		}
		w.fails(2, office, fault.SAMLCertificateUnknown, rolled)
		began := w.Now()
		w.Flush(t)
		if err := p.SSO.WatchSignIns(t.Context()); err != nil {
			t.Fatal(err)
		}
		mails := p.Mails(t, w.admin)
		if len(mails) != 1 {
			t.Fatalf("%d mails", len(mails))
		}
		for _, want := range []string{"6 of 6", "with Login", "saml_certificate_unknown", "signs with a key that we don't know", "/activity?outcome=refused&profile=" + w.ID} {
			if !strings.Contains(strings.Join(strings.Fields(mails[0].Text), " "), want) {
				t.Errorf("%q is not in the mail:\n%s", want, mails[0].Text)
			}
		}
		if n := len(p.Mails(t, w.users[0])); n != 0 {
			t.Errorf("a member gets %d", n)
		}
		if !w.failing() {
			t.Error("the overview does not say so")
		}
		w.fails(10, office, fault.SAMLCertificateUnknown, rolled)
		if w.told() != 0 {
			t.Error("told again of the same")
		}
		w.works(17)
		if w.told() != 0 || w.failing() {
			t.Error("it works, and is still failing")
		}
		w.Pass(2 * time.Hour)
		w.fails(6, office, fault.SAMLCertificateUnknown, rolled)
		if w.told() != 0 || !w.failing() {
			t.Errorf("%v after the first mail", w.Now().Sub(began))
		}
		w.Pass(2 * time.Hour)
		w.works(17)
		w.told()
		w.Pass(6 * time.Hour)
		w.fails(6, office, fault.SAMLCertificateUnknown, rolled)
		if n := w.told(); n != 1 {
			t.Errorf("%d mails when it begins anew, a day later", n)
		}
		var actions []audit.Action
		for _, e := range w.Organization.Events(t) {
			if e.Action == audit.ProfileFailing || e.Action == audit.ProfileWorking {
				actions = append(actions, e.Action)
			}
		}
		if fmt.Sprint(actions) != fmt.Sprint([]audit.Action{audit.ProfileFailing, audit.ProfileWorking, audit.ProfileFailing, audit.ProfileWorking, audit.ProfileFailing}) {
			t.Errorf("%v", actions)
		}
	})
}

// TestWhatIsNoFailureOfAProfileTellsNobody.
func TestWhatIsNoFailureOfAProfileTellsNobody(t *testing.T) {
	none := func(int, *samltest.Response) {}
	for name, c := range map[string]struct {
		do   func(w *watch)
		want int
	}{
		"a new profile that never worked": {func(w *watch) { w.fails(12, office, fault.SAMLCertificateUnknown, rolled) }, 0},
		"junk of a stranger": {func(w *watch) {
			w.works(10)
			w.Pass(2 * time.Hour)
			w.fails(50, elsewhere, fault.SAMLCertificateUnknown, rolled)
		}, 0},
		"what a stranger can't make": {func(w *watch) {
			w.works(10)
			w.Pass(2 * time.Hour)
			w.fails(6, elsewhere, fault.SAMLAudienceMismatch, func(_ int, r *samltest.Response) {
				r.Assertion.Conditions.Audiences = [][]string{{"https://other.example"}}
			})
		}, 1},
		"one person who tries again and again": {func(w *watch) {
			w.works(10)
			w.Pass(2 * time.Hour)
			w.fails(20, office, fault.UserNotFound, func(_ int, r *samltest.Response) { r.Assertion.NameID.Value = "nobody@acme.test" })
		}, 0},
		"many people who are not there": {func(w *watch) {
			w.works(10)
			w.Pass(2 * time.Hour)
			w.fails(6, office, fault.UserNotFound, func(i int, r *samltest.Response) { r.Assertion.NameID.Value = fmt.Sprintf("nobody%d@acme.test", i) })
		}, 1},
		"some among many that work": {func(w *watch) {
			w.works(10)
			w.Pass(2 * time.Hour)
			w.fails(6, office, fault.SAMLExpired, func(_ int, r *samltest.Response) {
				r.Confirmation().NotOnOrAfter = samltest.Instant(w.Now().Add(-time.Hour))
			})
			w.works(12)
		}, 0},
		"what always fails as often": {func(w *watch) {
			for range 3 {
				w.works(4)
				w.fails(5, office, fault.SAMLCertificateUnknown, rolled)
			}
			w.Pass(2 * time.Hour)
			w.works(4)
			w.fails(6, office, fault.SAMLCertificateUnknown, rolled)
		}, 0},
		"nothing": {func(w *watch) { w.fails(0, office, "", none) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWatch(t, parts.New(t, "sqlite"))
			c.do(w)
			if n := w.told(); n != c.want {
				t.Errorf("%d mails, not %d", n, c.want)
			}
		})
	}
}

// TestAnAlertThatNobodyEndsIsForgotten: nobody has tried again.
func TestAnAlertThatNobodyEndsIsForgotten(t *testing.T) {
	w := newWatch(t, parts.New(t, "sqlite"))
	w.works(10)
	w.Pass(2 * time.Hour)
	w.fails(6, office, fault.SAMLCertificateUnknown, rolled)
	if w.told() != 1 || !w.failing() {
		t.Fatal("not told")
	}
	w.Pass(23 * time.Hour)
	if w.told(); !w.failing() {
		t.Error("forgotten too early")
	}
	w.Pass(2 * time.Hour)
	if w.told(); w.failing() {
		t.Error("not forgotten")
	}
}
