package web

import (
	"strconv"

	"sallyport/internal/sso"
	"sallyport/saml"
)

// An optionSwitch is an option that is on or off: its name, and where it is kept.
type optionSwitch struct {
	name   string
	legacy bool // weaker than it should be: folded away
	value  func(*sso.Options) *bool
	input  func(*sso.OptionsInput) **bool
}

// optionSwitches are those of a profile, in the order of their page.
var optionSwitches = []optionSwitch{
	{"sign_requests", false, func(o *sso.Options) *bool { return &o.SignRequests }, func(in *sso.OptionsInput) **bool { return &in.SignRequests }},
	{"require_signed_response", false, func(o *sso.Options) *bool { return &o.RequireSignedResponse }, func(in *sso.OptionsInput) **bool { return &in.RequireSignedResponse }},
	{"offer_encryption", false, func(o *sso.Options) *bool { return &o.OfferEncryption }, func(in *sso.OptionsInput) **bool { return &in.OfferEncryption }},
	{"require_encrypted_assertion", false, func(o *sso.Options) *bool { return &o.RequireEncryptedAssertion }, func(in *sso.OptionsInput) **bool { return &in.RequireEncryptedAssertion }},
	{"force_authn", false, func(o *sso.Options) *bool { return &o.ForceAuthn }, func(in *sso.OptionsInput) **bool { return &in.ForceAuthn }},
	{"refuse_expired_certificate", false, func(o *sso.Options) *bool { return &o.RefuseExpiredCertificate }, func(in *sso.OptionsInput) **bool { return &in.RefuseExpiredCertificate }},
	{"allow_sha1", true, func(o *sso.Options) *bool { return &o.AllowSHA1 }, func(in *sso.OptionsInput) **bool { return &in.AllowSHA1 }},
	{"allow_rsa15", true, func(o *sso.Options) *bool { return &o.AllowRSA15 }, func(in *sso.OptionsInput) **bool { return &in.AllowRSA15 }},
	{"allow_cbc", true, func(o *sso.Options) *bool { return &o.AllowCBC }, func(in *sso.OptionsInput) **bool { return &in.AllowCBC }},
}

// options tells which options are not as they are at first.
func (f Frame) options(o *sso.Options) (texts []string) {
	first := sso.DefaultOptions()
	for _, s := range optionSwitches {
		if *s.value(o) != *s.value(&first) {
			texts = append(texts, f.T("option."+s.name))
		}
	}
	for _, one := range []struct{ name, value, first string }{
		{"idp_initiated", string(o.IdPInitiated), string(first.IdPInitiated)},
		{"name_id_policy", string(o.NameIDPolicy), string(first.NameIDPolicy)},
		{"clock_tolerance_seconds", strconv.Itoa(o.ClockToleranceSeconds), strconv.Itoa(first.ClockToleranceSeconds)},
		{"authn_context", o.AuthnContext, first.AuthnContext},
	} {
		if one.value != one.first {
			texts = append(texts, f.T("option."+one.name)+": "+f.Word("option."+one.name, one.value))
		}
	}
	if o.MetadataPin != first.MetadataPin {
		texts = append(texts, f.T("option.metadata_pin"))
	}
	return texts
}

// optionFields fills the form with the options of a profile.
func (f *form) optionFields(o *sso.Options) {
	text := func(name string) (label, hint string) { return f.T("option." + name), f.T("option." + name + "_hint") }
	choice := func(name, kind, value string, values ...string) {
		label, hint := text(name)
		field := formField{Name: fieldName("options." + name), Kind: kind, Label: label, Hint: hint, Value: value}
		for _, one := range values {
			option := formOption{Value: one, Text: f.Word("option."+name, one)}
			if kind == fieldRadio {
				option.Hint = f.Word("option."+name+"_what", one)
			}
			field.Options = append(field.Options, option)
		}
		f.add(field)
	}
	choice("idp_initiated", fieldRadio, string(o.IdPInitiated), string(saml.Restart), string(saml.Refuse), string(saml.Accept))
	for _, s := range optionSwitches {
		label, hint := text(s.name)
		f.add(formField{Name: fieldName("options." + s.name), Kind: fieldCheckbox, Label: label, Hint: hint, Checked: *s.value(o), Folded: s.legacy})
		f.FoldOpen = f.FoldOpen || s.legacy && *s.value(o)
	}
	choice("name_id_policy", fieldSelect, string(o.NameIDPolicy), string(saml.NameIDEmail), string(saml.NameIDUnspecified), string(saml.NameIDNone))
	label, hint := text("clock_tolerance_seconds")
	f.add(formField{Name: "options.clock_tolerance_seconds", Kind: fieldNumber, Label: label, Hint: hint, Value: strconv.Itoa(o.ClockToleranceSeconds), Required: true})
	label, hint = text("authn_context")
	f.add(formField{Name: "options.authn_context", Kind: fieldText, Label: label, Hint: hint, Value: o.AuthnContext, Autocomplete: "off", Max: 500})
	label, hint = text("metadata_pin")
	f.add(formField{Name: "options.metadata_pin", Kind: fieldTextarea, Label: label, Hint: hint, Value: o.MetadataPin, Rows: 4})
	f.Fold = f.T("profiles.option_legacy")
}

// options reads the form.
func (v *visit) options() *sso.OptionsInput {
	in, text := &sso.OptionsInput{}, func(name string) string { return v.PostFormValue("options." + name) }
	for _, s := range optionSwitches {
		on := text(s.name) != ""
		*s.input(in) = &on
	}
	mode, policy, context, pin := saml.Mode(text("idp_initiated")), saml.NameIDPolicy(text("name_id_policy")), text("authn_context"), text("metadata_pin")
	in.IdPInitiated, in.NameIDPolicy, in.AuthnContext, in.MetadataPin = &mode, &policy, &context, &pin
	seconds, err := strconv.Atoi(text("clock_tolerance_seconds"))
	if err != nil {
		seconds = -1 // refused
	}
	in.ClockToleranceSeconds = &seconds
	return in
}

// adminProfileOptions shows and changes the options of a profile.
func (w *Web) adminProfileOptions(v *visit) error {
	f, p, err := v.profileForm("profiles.options", "profiles.save", false)
	if err != nil {
		return err
	}
	f.AdminFrame = v.profileFrame(&p, "/options")
	f.lead("profiles.option_lead")
	f.optionFields(&p.Options)
	v.acknowledgeEnforced(f, &p)
	if !f.sent() {
		return f.show(nil)
	}
	if err := v.acknowledgedEnforced(f, &p); err != nil {
		return f.show(err)
	}
	return v.changeProfile(f, &p, sso.Input{Options: v.options()}, "")
}

// acknowledgeEnforced adds the box that a change to an enforced profile needs.
func (v *visit) acknowledgeEnforced(f *form, p *sso.View) {
	if p.State == sso.Enforced {
		f.acknowledge("profiles.acknowledge_enforced")
	}
}

// acknowledgedEnforced refuses a change to an enforced profile without it.
func (v *visit) acknowledgedEnforced(f *form, p *sso.View) error {
	if p.State == sso.Enforced {
		return f.acknowledged()
	}
	return nil
}
