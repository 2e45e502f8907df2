package web

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Cookies, without the prefix that they have over https. All of them are Lax:
// an Identity Provider's POST carries none, a top-level GET carries all.
const (
	cookieSession = "sallyport_session"
	cookieFlow    = "sallyport_flow_" // and when it was set: one per flow
	cookieWay     = "sallyport_way"   // whose password was used here: see signin.PasswordChoice
	cookieHint    = "sallyport_hint"  // the address typed a moment ago
	cookieRestart = "sallyport_restart"
	cookieProbe   = "sallyport_probe"
	cookieDevice  = "sallyport_device" // that it has signed in before: see signin.RememberDevice
	cookieSetup   = "sallyport_setup_" // and the id of a setup link: one per link
	cookieDone    = "sallyport_done"   // what the next page says was done
)

// cookieName adds the prefix that ties a cookie to this host over https.
func (w *Web) cookieName(name string) string {
	if w.cfg.secure() {
		return "__Host-" + name
	}
	return name
}

// setCookie sets a cookie for life; until the browser closes if life is zero;
// it deletes one if life is negative.
func (r *request) setCookie(name, value string, life time.Duration) {
	age := int(life / time.Second)
	if life < 0 {
		age = -1
	}
	http.SetCookie(r.ResponseWriter, &http.Cookie{
		Name: r.web.cookieName(name), Value: value, Path: "/", MaxAge: age,
		Secure: r.web.cfg.secure(), HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

func (r *request) cookie(name string) string {
	if c, err := r.Cookie(r.web.cookieName(name)); err == nil {
		return c.Value
	}
	return ""
}

// say has the page that the browser is sent to say what was done: once, so that
// neither a reload nor a link says it again. What is said is a sentence of the
// catalogue below "done.", and what stands in it.
func (r *request) say(key string, values ...string) {
	parts := []string{strings.TrimPrefix(key, "done.")}
	for _, v := range values {
		parts = append(parts, base64.RawURLEncoding.EncodeToString([]byte(v)))
	}
	r.setCookie(cookieDone, strings.Join(parts, "."), time.Minute)
}

// done returns what was done a moment ago; empty for nothing.
func (r *request) done() string {
	raw := r.cookie(cookieDone)
	if raw == "" {
		return ""
	}
	r.setCookie(cookieDone, "", -1)
	parts := strings.Split(raw, ".")
	text, ok := r.web.pages.catalog.find(r.lang, "done."+parts[0])
	if !ok || strings.Count(text, "%s") != len(parts)-1 {
		return ""
	}
	var values []any
	for _, p := range parts[1:] {
		v, err := base64.RawURLEncoding.DecodeString(p)
		if err != nil {
			return ""
		}
		values = append(values, string(v))
	}
	return r.web.pages.catalog.text(r.lang, "done."+parts[0], values...)
}

// maxFlows is how many sign-ins may be under way in one browser.
const maxFlows = 10

// flows returns the browser's flow cookies, oldest first.
func (r *request) flows() []*http.Cookie {
	prefix := r.web.cookieName(cookieFlow)
	var found []*http.Cookie
	for _, c := range r.Cookies() {
		if strings.HasPrefix(c.Name, prefix) {
			found = append(found, c)
		}
	}
	slices.SortFunc(found, func(a, b *http.Cookie) int { return strings.Compare(a.Name, b.Name) })
	return found
}

// browserTokens are the secrets that this browser holds, the latest if there are
// too many.
func (r *request) browserTokens() []string {
	var tokens []string
	for _, c := range r.flows() {
		tokens = append(tokens, c.Value)
	}
	return tokens[max(0, len(tokens)-2*maxFlows):]
}

// bind gives the browser a secret, in a cookie of its own so that several tabs
// do not get in each other's way. The oldest make room.
func (r *request) bind(token string, life time.Duration) {
	flows := r.flows()
	for i := 0; i <= len(flows)-maxFlows; i++ {
		r.forget(flows[i])
	}
	// Thirteen digits: names sort by time.
	r.setCookie(cookieFlow+strconv.FormatInt(time.Now().UnixMilli(), 10)+token[:4], token, life)
}

// unbind takes a secret back that is spent.
func (r *request) unbind(token string) {
	for _, c := range r.flows() {
		if c.Value == token && token != "" {
			r.forget(c)
		}
	}
}

func (r *request) forget(c *http.Cookie) {
	http.SetCookie(r.ResponseWriter, &http.Cookie{Name: c.Name, Path: "/", MaxAge: -1,
		Secure: r.web.cfg.secure(), HttpOnly: true, SameSite: http.SameSiteLaxMode})
}
