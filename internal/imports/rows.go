package imports

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"sallyport/internal/db"
	"sallyport/internal/directory"
)

func encode(v any) (string, error) {
	raw, err := json.Marshal(v)
	return string(raw), err
}

// uploads

func insertUpload(tx *db.Tx, uploadID, organizationID string, header []string) error {
	text, err := encode(header)
	if err != nil {
		return err
	}
	_, err = tx.Exec(`insert into import_uploads (id, organization_id, header, total, complete, created_at) values ($1, $2, $3, 0, $4, $5)`,
		uploadID, organizationID, text, false, tx.Now())
	return err
}

func completeUpload(tx *db.Tx, uploadID string, total int64) error {
	_, err := tx.Exec(`update import_uploads set complete = $2, total = $3 where id = $1`, uploadID, true, total)
	return err
}

func uploadHeader(tx *db.Tx, uploadID string) (header []string, err error) {
	var text string
	if err := tx.QueryRow(`select header from import_uploads where id = $1`, uploadID).Scan(&text); err != nil {
		return nil, err
	}
	return header, json.Unmarshal([]byte(text), &header)
}

func uploadKept(tx *db.Tx, uploadID string) (kept bool, err error) {
	err = tx.QueryRow(`select exists (select 1 from import_uploads where id = $1)`, uploadID).Scan(&kept)
	return kept, err
}

func deleteUpload(tx *db.Tx, uploadID string) error {
	_, err := tx.Exec(`delete from import_uploads where id = $1`, uploadID)
	return err
}

// oldUploads returns those that were made before an instant, and those that broke
// off before another one.
func oldUploads(tx *db.Tx, before, broken time.Time) ([]string, error) {
	return db.Collect(tx, func(row db.Scanner) (uploadID string, err error) {
		err = row.Scan(&uploadID)
		return uploadID, err
	}, `select id from import_uploads where created_at < $1 or created_at < $2 and complete = $3 order by created_at limit 100`, before, broken, false)
}

// rows

func insertRows(tx *db.Tx, uploadID string, rows []Row) error {
	var values [][]any
	for _, r := range rows {
		cells, err := encode(r.Cells)
		if err != nil {
			return err
		}
		values = append(values, []any{uploadID, r.Number, r.Email, r.first, r.Name, r.Role, cells, r.Fault})
	}
	return insertMany(tx, `insert into import_rows (upload_id, number, email, first_number, name, role, cells, fault) values `, values)
}

// insertMany inserts several rows with each statement.
func insertMany(tx *db.Tx, statement string, rows [][]any) error {
	for len(rows) > 0 {
		n := 1
		if len(rows) >= 25 { // few different statements
			n = 25
		}
		var values strings.Builder
		var args []any
		for i, row := range rows[:n] {
			for j, v := range row {
				switch {
				case j > 0:
					values.WriteString(",$")
				case i > 0:
					values.WriteString(",($")
				default:
					values.WriteString("($")
				}
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

const rowColumns = `r.number, r.email, r.first_number, r.name, r.role, r.cells, r.fault`

func (r *Row) destinations(cells *string) []any {
	return []any{&r.Number, &r.Email, &r.first, &r.Name, &r.Role, cells, &r.Fault}
}

func rowsAfter(tx *db.Tx, uploadID string, after int64, limit int) ([]Row, error) {
	return db.Collect(tx, func(row db.Scanner) (r Row, err error) {
		var cells string
		if err := row.Scan(r.destinations(&cells)...); err != nil {
			return r, err
		}
		return r, json.Unmarshal([]byte(cells), &r.Cells)
	}, `select `+rowColumns+` from import_rows r where r.upload_id = $1 and r.number > $2 order by r.number limit $3`, uploadID, after, limit)
}

// broughtIn returns which of these rows did not fail.
func broughtIn(tx *db.Tx, importID string, numbers []int64) (map[int64]bool, error) {
	found := map[int64]bool{}
	if len(numbers) == 0 {
		return found, nil
	}
	args := []any{importID}
	var in strings.Builder
	size := 1
	for size < len(numbers) {
		size *= 4 // few different statements
	}
	for i := range size {
		if i > 0 {
			in.WriteByte(',')
		}
		args = append(args, numbers[min(i, len(numbers)-1)])
		in.WriteString("$" + strconv.Itoa(len(args)))
	}
	list, err := db.Collect(tx, func(row db.Scanner) (number int64, err error) {
		err = row.Scan(&number)
		return number, err
	}, `select number from import_results where import_id = $1 and result <> 'failed' and number in (`+in.String()+`)`, args...)
	for _, number := range list {
		found[number] = true
	}
	return found, err
}

func deleteRows(tx *db.Tx, uploadID string, limit int) (int64, error) {
	return tx.Exec(`delete from import_rows where upload_id = $1 and number in (
		select number from import_rows where upload_id = $1 order by number limit $2)`, uploadID, limit)
}

// imports

const importColumns = `id, organization_id, source, upload_id, domains, dry_run, invite, status, code, total, done,
	created, updated, unchanged, failed, unproved, position, at_domain, after_user,
	undo_job_id, undo_status, undone, kept, undo_position, created_by, created_at, finished_at`

func scanImport(row db.Scanner) (i Import, err error) {
	var domains string
	err = row.Scan(&i.ID, &i.OrganizationID, &i.Source, &i.uploadID, &domains, &i.DryRun, &i.Invite, &i.Status, &i.Code, &i.Total, &i.Done,
		&i.Created, &i.Updated, &i.Unchanged, &i.Failed, &i.Unproved, &i.position, &i.atDomain, &i.afterUser,
		&i.Undo.JobID, &i.Undo.Status, &i.Undo.Undone, &i.Undo.Kept, &i.Undo.position, &i.CreatedBy, &i.CreatedAt, &i.FinishedAt)
	if err != nil {
		return i, err
	}
	return i, json.Unmarshal([]byte(domains), &i.domains)
}

func insertImport(tx *db.Tx, i *Import) error {
	domains, err := encode(i.domains)
	if err != nil {
		return err
	}
	_, err = tx.Exec(`insert into imports (id, organization_id, source, upload_id, domains, dry_run, invite, status, code, total, done,
			created, updated, unchanged, failed, unproved, position, at_domain, after_user,
			undo_job_id, undo_status, undone, kept, undo_position, created_by, created_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, '', $9, 0, 0, 0, 0, 0, 0, 0, 0, '', '', '', 0, 0, 0, $10, $11)`,
		i.ID, i.OrganizationID, string(i.Source), i.uploadID, domains, i.DryRun, i.Invite, string(i.Status), i.Total, i.CreatedBy, i.CreatedAt)
	return err
}

func updateImport(tx *db.Tx, i *Import) error {
	_, err := tx.Exec(`update imports set status = $2, total = $3, done = $4, created = $5, updated = $6, unchanged = $7, failed = $8,
			unproved = $9, position = $10, at_domain = $11, after_user = $12, undo_job_id = $13, undo_status = $14, undone = $15,
			kept = $16, undo_position = $17, finished_at = $18, code = $19
		where id = $1`, i.ID, string(i.Status), i.Total, i.Done, i.Created, i.Updated, i.Unchanged, i.Failed,
		i.Unproved, i.position, i.atDomain, i.afterUser, i.Undo.JobID, string(i.Undo.Status), i.Undo.Undone,
		i.Undo.Kept, i.Undo.position, i.FinishedAt, string(i.Code))
	return err
}

func importByID(tx *db.Tx, importID string) (Import, error) {
	return db.One(tx, scanImport, `select `+importColumns+` from imports where id = $1`, importID)
}

func importsOf(tx *db.Tx, organizationID string, p directory.Page) ([]Import, error) {
	after := p.After
	if after == "" {
		after = "job_z" // behind every id
	}
	return db.Collect(tx, scanImport, `select `+importColumns+` from imports
		where organization_id = $1 and id < $2 order by id desc limit $3`, organizationID, after, p.Limit)
}

func openImports(tx *db.Tx, organizationID string) ([]Import, error) {
	return db.Collect(tx, scanImport, `select `+importColumns+` from imports
		where organization_id = $1 and status in ('queued', 'running') order by id`, organizationID)
}

// results

func insertResults(tx *db.Tx, importID string, rows []Row, brought []directory.Brought) error {
	var values [][]any
	for n, b := range brought {
		before, err := encode(b.Before)
		if err != nil {
			return err
		}
		values = append(values, []any{importID, rows[n].Number, string(b.Result), string(b.Code), b.Reason, b.UserID, b.Unproved, before})
	}
	return insertMany(tx, `insert into import_results (import_id, number, result, code, reason, user_id, unproved, before) values `, values)
}

const resultColumns = `x.number, x.result, x.code, x.reason, x.user_id, x.unproved, x.before, x.undone`

func (r *Result) destinations(before *string) []any {
	return []any{&r.Number, &r.Result, &r.Code, &r.Reason, &r.UserID, &r.Unproved, before, &r.Undone}
}

func scanResult(row db.Scanner) (r Result, err error) {
	var before string
	if err = row.Scan(r.destinations(&before)...); err != nil {
		return r, err
	}
	return r, json.Unmarshal([]byte(before), &r.before)
}

func resultsAfter(tx *db.Tx, importID string, after int64, limit int) ([]Result, error) {
	return db.Collect(tx, scanResult, `select `+resultColumns+` from import_results x
		where x.import_id = $1 and x.number > $2 order by x.number limit $3`, importID, after, limit)
}

func resultsBefore(tx *db.Tx, importID string, before int64, limit int) ([]Result, error) {
	return db.Collect(tx, scanResult, `select `+resultColumns+` from import_results x
		where x.import_id = $1 and x.number < $2 order by x.number desc limit $3`, importID, before, limit)
}

// results returns rows with their results. A row that was not worked on yet has
// none.
func results(tx *db.Tx, i *Import, q ResultQuery) ([]Result, error) {
	where, args := "", []any{i.ID, i.uploadID, q.After, q.Limit}
	if q.Result != "" {
		args = append(args, string(q.Result))
		where += " and x.result = $" + strconv.Itoa(len(args))
	}
	if q.Undone != "" {
		args = append(args, q.Undone)
		where += " and x.undone = $" + strconv.Itoa(len(args))
	}
	return db.Collect(tx, func(row db.Scanner) (r Result, err error) {
		var cells, before string
		if err := row.Scan(append(r.Row.destinations(&cells), r.destinations(&before)...)...); err != nil {
			return r, err
		}
		if err := json.Unmarshal([]byte(before), &r.before); err != nil {
			return r, err
		}
		return r, json.Unmarshal([]byte(cells), &r.Cells)
	}, `select `+rowColumns+`, `+resultColumns+` from import_results x join import_rows r on r.upload_id = $2 and r.number = x.number
		where x.import_id = $1 and x.number > $3`+where+` order by x.number limit $4`, args...)
}

func markUndone(tx *db.Tx, importID string, number int64, what string) error {
	_, err := tx.Exec(`update import_results set undone = $3 where import_id = $1 and number = $2`, importID, number, what)
	return err
}

// deleteResults deletes results of the imports of an upload.
func deleteResults(tx *db.Tx, uploadID string, limit int) (int64, error) {
	var n int64
	ids, err := db.Collect(tx, func(row db.Scanner) (importID string, err error) {
		err = row.Scan(&importID)
		return importID, err
	}, `select id from imports where upload_id = $1`, uploadID)
	for _, importID := range ids {
		if err != nil || n >= int64(limit) {
			break
		}
		var deleted int64
		deleted, err = tx.Exec(`delete from import_results where import_id = $1 and number in (
			select number from import_results where import_id = $1 order by number limit $2)`, importID, limit-int(n))
		n += deleted
	}
	return n, err
}
