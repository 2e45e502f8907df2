package web

import (
	"encoding/pem"
	"net/http"
	"time"

	"sallyport/internal/sso"
)

type keysView struct {
	AdminFrame
	SSOAccess
	Path    string
	Keys    []keyRow
	Waiting string // a new key is on its way
}

type keyRow struct {
	State                      sso.KeyState
	Subject, SHA256, When, PEM string
}

// adminProfileKeys shows our keys of a profile, and how they are replaced.
func (w *Web) adminProfileKeys(v *visit) error {
	p, err := v.profile()
	if err != nil {
		return err
	}
	keys, err := w.SSO.Keys(v.Context(), v.actor(), p.ID)
	if err != nil {
		return err
	}
	view := keysView{AdminFrame: v.profileFrame(&p, "/keys"), SSOAccess: v.ssoAccess(&p), Path: v.base + "/sso/" + p.ID}
	// Keys are safety: whoever may not use SSO any more may still replace one.
	view.Open = !view.ByOperator
	for i := range keys {
		k := &keys[i]
		row := keyRow{State: k.State, Subject: k.Certificate.Subject.String(), SHA256: colons(k.SHA256()),
			PEM: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: k.Certificate.Raw}))}
		switch {
		case k.State == sso.KeyNext:
			row.When = view.T("keys.used_from", view.Date(k.ActiveAt))
			view.Waiting = view.T("keys.waiting", view.Date(k.ActiveAt))
		case !k.RemoveAt.IsZero():
			row.When = view.T("keys.goes", view.Date(k.RemoveAt))
		default:
			row.When = view.T("keys.used_since", view.Date(k.ActiveAt))
		}
		view.Keys = append(view.Keys, row)
	}
	return v.render(http.StatusOK, "admin_profile_keys", view)
}

// keyDelays are the choices of when a new key is used.
var keyDelays = []struct {
	value string
	delay time.Duration
}{
	{"7d", sso.DefaultKeyDelay}, {"30d", 30 * 24 * time.Hour}, {"now", 0},
}

// adminRotateKey makes a new key.
func (w *Web) adminRotateKey(v *visit) error {
	p, err := v.profile()
	if err != nil {
		return err
	}
	f := v.newForm("sso", "keys.rotate", "keys.rotate", Link{p.Name, v.base + "/sso/" + p.ID + "/keys"})
	f.lead("keys.rotate_lead")
	field := formField{Name: "delay", Kind: fieldRadio, Label: f.T("keys.delay"), Value: keyDelays[0].value}
	for _, d := range keyDelays {
		field.Options = append(field.Options, formOption{Value: d.value, Text: f.Word("key_delay", d.value), Hint: f.Word("key_delay_hint", d.value)})
	}
	f.add(field)
	if !f.sent() {
		return f.show(nil)
	}
	delay := time.Duration(-1) // refused
	for _, d := range keyDelays {
		if d.value == v.PostFormValue("delay") {
			delay = d.delay
		}
	}
	k, err := w.SSO.RotateKey(v.Context(), v.actor(), p.ID, delay)
	if err != nil {
		return f.show(err)
	}
	v.say("done.key_rotated", f.Date(k.ActiveAt))
	return v.redirect(f.Cancel)
}
