package testenv

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/chromedp/cdproto/runtime"
)

// pageFind calls a function of the page, one of those below, until its answer
// has a value; if it never has, the answer's problem is the error.
func pageFind[T any](ctx context.Context, p *Page, function string, args ...any) (value T, err error) {
	list, err := json.Marshal(args)
	if err != nil {
		return value, err
	}
	call := "(() => {" + pageLibrary + "return (" + function + ")(..." + string(list) + ")})()"
	err = p.poll(ctx, func() error {
		var answer struct {
			Value   *T
			Problem string
		}
		err := p.evaluate(ctx, call, &answer, pageSilent)
		if err == nil && answer.Value == nil {
			err = errors.New(answer.Problem)
		}
		if err == nil {
			value = *answer.Value
		}
		return err
	})
	return value, err
}

// pageSilent keeps errors of our own functions out of the page's console.
func pageSilent(params *runtime.EvaluateParams) {
	silent := true
	params.Silent = &silent
}

// pageLibrary is what the functions below share. Its one returns the only
// visible element for what a verb was given: first by the names of the
// candidates, then as a selector. Several links to the same place are one.
const pageLibrary = `
const squeeze = text => (text || '').replace(/\s+/g, ' ').trim();
const visible = element => element.checkVisibility({visibilityProperty: true}) && element.getClientRects().length > 0;
const referred = element => (element.getAttribute('aria-labelledby') || '').split(/\s+/)
	.map(id => document.getElementById(id)?.textContent || '').join(' ');
const names = element => [
	element.getAttribute('aria-label'), referred(element), element.innerText, element.textContent,
	element.title, element.placeholder, element.alt,
	...(element.matches('input[type=submit], input[type=button], input[type=reset]') ? [element.value] : []),
	...[...(element.labels || [])].flatMap(label => [label.innerText, label.textContent]),
	...[...element.querySelectorAll('img[alt]')].map(image => image.alt),
].map(squeeze);
const query = selector => { try { return [...document.querySelectorAll(selector)] } catch { return [] } };
const shown = element => {
	const tag = element.cloneNode(false).outerHTML;
	return tag.length > 120 ? tag.slice(0, 120) + '…' : tag;
};
const one = (what, candidates) => {
	let found = candidates ? query(candidates).filter(element => visible(element) && names(element).includes(squeeze(what))) : [];
	if (found.length === 0) found = query(what).filter(visible);
	found = found.filter(element => !found.includes(element.control)); // a label and its field are one
	if (new Set(found.map(element => element.matches('a[href]') ? element.href : element)).size === 1) return {element: found[0]};
	if (found.length > 1) return {problem: found.length + ' visible elements fit: ' + found.slice(0, 5).map(shown).join(' ')};
	return {problem: query(what).length > 0 ? 'it is there, but not visible' : 'it is not there'};
};
`

// pageFindClickable answers the point at which the mouse hits a control.
const pageFindClickable = `what => {
	const {element, problem} = one(what, 'a[href], button, input, summary, label, [role=button], [role=link], [role=tab], [role=menuitem], [role=switch]');
	if (!element) return {Problem: problem};
	if (element.matches(':disabled')) return {Problem: 'it is disabled'};
	element.scrollIntoView({block: 'center', inline: 'center', behavior: 'instant'});
	const box = element.getClientRects()[0];
	const point = {X: box.x + box.width / 2, Y: box.y + box.height / 2};
	const hit = document.elementFromPoint(point.X, point.Y);
	if (!hit || !(element.contains(hit) || hit.shadowRoot?.contains(element)))
		return {Problem: 'it is covered by ' + (hit ? shown(hit) : 'nothing of the page')};
	return {Value: point};
}`

// pageFindField prepares a field for text and answers whether that is still to
// be typed.
const pageFindField = `(what, text) => {
	const {element, problem} = one(what, 'input:not([type=submit], [type=button], [type=reset]), textarea, select, [contenteditable]');
	if (!element) return {Problem: problem};
	if (element.matches(':disabled')) return {Problem: 'it is disabled'};
	if (element.readOnly) return {Problem: 'it is read-only'};
	element.focus();
	if (element.matches('select')) {
		const option = [...element.options].find(option => squeeze(option.label) === squeeze(text) || option.value === text);
		if (!option) return {Problem: 'it has no such option'};
		element.value = option.value;
		element.dispatchEvent(new Event('input', {bubbles: true}));
		element.dispatchEvent(new Event('change', {bubbles: true}));
		return {Value: false};
	}
	if (element.select) element.select(); else getSelection().selectAllChildren(element);
	if (text === '') document.execCommand('delete');
	return {Value: text !== ''};
}`

// pageSubmit submits the one form that is named, or that holds what is.
const pageSubmit = `selector => {
	const forms = [...new Set(query(selector).map(element => element.form || element.closest('form')).filter(form => form))];
	if (forms.length !== 1) return {Problem: forms.length + ' forms fit'};
	forms[0].requestSubmit();
	return {Value: true};
}`

const pageShows = `text => document.body && squeeze(document.body.innerText).includes(squeeze(text))
	? {Value: true} : {Problem: 'the page does not show it'}`

const pageText = `selector => {
	const {element, problem} = one(selector);
	return element ? {Value: element.innerText.trim()} : {Problem: problem};
}`
