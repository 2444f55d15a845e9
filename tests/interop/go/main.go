// The official Go SDK. It reads RESEND_BASE_URL itself.
// This driver runs one case and prints its result; see ../README.md.
package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	resend "github.com/resend/resend-go/v3"
)

const from = "shop@mailqueue.example"

var (
	to     = os.Getenv("INTEROP_TO")
	id     = os.Getenv("INTEROP_ID")
	client = resend.NewClient(os.Getenv("RESEND_API_KEY"))
	all    = 100
	page   = &resend.ListOptions{Limit: &all}
	png, _ = base64.StdEncoding.DecodeString(
		"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==")
)

type answer map[string]any

func plain() *resend.SendEmailRequest {
	return &resend.SendEmailRequest{From: from, To: []string{to}, Subject: "Hello", Text: "Hello"}
}

func send(change func(*resend.SendEmailRequest)) (answer, error) {
	request := plain()
	change(request)
	sent, err := client.Emails.Send(request)
	if err != nil {
		return nil, err
	}
	return answer{"id": sent.Id}, nil
}

func unchanged(*resend.SendEmailRequest) {}

func binary() []byte {
	bytes := make([]byte, 256)
	for i := range bytes {
		bytes[i] = byte(i)
	}
	return bytes
}

func allFields(r *resend.SendEmailRequest) {
	r.From = "Ada's Bücher <" + from + ">"
	r.Cc = []string{"cc@example.com"}
	r.Bcc = []string{"bcc@example.com"}
	r.ReplyTo = "help@mailqueue.example"
	r.Subject = "Ihre Bestellung ✓"
	r.Html = "<p>Danke für alles!</p>"
	r.Text = "Danke für alles!"
	r.Headers = map[string]string{"X-Order": "4711"}
	r.Tags = []resend.Tag{{Name: "kind", Value: "order"}}
}

func mailHeaders(r *resend.SendEmailRequest) {
	r.Subject = "Headers"
	r.Headers = map[string]string{
		"Date":        "Thu, 01 Jan 2026 00:00:00 +0000",
		"Message-ID":  "<interop@mailqueue.example>",
		"Return-Path": "<bounces@mailqueue.example>",
	}
}

func attachments(r *resend.SendEmailRequest) {
	r.Attachments = []*resend.Attachment{
		{Filename: "note.txt", Content: []byte("Grüße\n"), ContentType: "text/plain"},
		{Filename: "data.bin", Content: binary()},
	}
}

func inline(r *resend.SendEmailRequest) {
	r.Html = `<img src="cid:logo">`
	r.Attachments = []*resend.Attachment{
		{Filename: "logo.png", Content: png, ContentType: "image/png", ContentId: "logo"},
	}
}

func batch(second string, options *resend.BatchSendEmailOptions) (answer, error) {
	other := plain()
	other.To = []string{second}
	sent, err := client.Batch.SendWithOptions(context.Background(), []*resend.SendEmailRequest{plain(), other}, options)
	if err != nil {
		return nil, err
	}
	ids, refused := []string{}, []int{}
	for _, email := range sent.Data {
		ids = append(ids, email.Id)
	}
	for _, failure := range sent.Errors {
		refused = append(refused, failure.Index)
	}
	return answer{"ids": ids, "refused": refused}, nil
}

func idempotency() (answer, error) {
	options := &resend.SendEmailOptions{IdempotencyKey: os.Getenv("INTEROP_IDEMPOTENCY_KEY")}
	first, err := client.Emails.SendWithOptions(context.Background(), plain(), options)
	if err != nil {
		return nil, err
	}
	second, err := client.Emails.SendWithOptions(context.Background(), plain(), options)
	if err != nil {
		return nil, err
	}
	other := plain()
	other.Subject = "Other"
	_, err = client.Emails.SendWithOptions(context.Background(), other, options)
	return answer{"first": first.Id, "second": second.Id, "third_raised": err != nil}, nil
}

func list() (answer, error) {
	listed, err := client.Emails.ListWithOptions(context.Background(), page)
	if err != nil {
		return nil, err
	}
	ids := []string{}
	for _, email := range listed.Data {
		ids = append(ids, email.Id)
	}
	return answer{"ids": ids}, nil
}

func get() (answer, error) {
	email, err := client.Emails.Get(id)
	if err != nil {
		return nil, err
	}
	return answer{"id": email.Id, "subject": email.Subject}, nil
}

func attachmentDownload() (answer, error) {
	listed, err := client.Emails.ListAttachments(id)
	if err != nil {
		return nil, err
	}
	if len(listed.Data) == 0 {
		return nil, errors.New("the list has no attachment")
	}
	file, err := client.Emails.GetAttachment(id, listed.Data[0].Id)
	if err != nil {
		return nil, err
	}
	return answer{"filename": file.Filename, "url": file.DownloadUrl}, nil
}

func update() (answer, error) {
	updated, err := client.Emails.Update(&resend.UpdateEmailRequest{Id: id, ScheduledAt: os.Getenv("INTEROP_TIME")})
	if err != nil {
		return nil, err
	}
	return answer{"id": updated.Id}, nil
}

func cancel() (answer, error) {
	canceled, err := client.Emails.Cancel(id)
	if err != nil {
		return nil, err
	}
	return answer{"id": canceled.Id}, nil
}

func suppressions() (answer, error) {
	if _, err := client.Suppressions.Add(&resend.AddSuppressionRequest{Email: to}); err != nil {
		return nil, err
	}
	got, err := client.Suppressions.Get(to)
	if err != nil {
		return nil, err
	}
	entries, err := client.Suppressions.List(&resend.ListSuppressionsOptions{Limit: &all})
	if err != nil {
		return nil, err
	}
	listed := []string{}
	for _, entry := range entries.Data {
		listed = append(listed, entry.Email)
	}
	_, err = client.Suppressions.Remove(to)
	return answer{"got": got.Email, "listed": listed}, err
}

func apiKeys() (answer, error) {
	key, err := client.ApiKeys.Create(&resend.CreateApiKeyRequest{Name: "interop"})
	if err != nil {
		return nil, err
	}
	keys, err := client.ApiKeys.List()
	if err != nil {
		return nil, err
	}
	listed := []string{}
	for _, listedKey := range keys.Data {
		listed = append(listed, listedKey.Id)
	}
	_, err = client.ApiKeys.Remove(key.Id)
	return answer{"id": key.Id, "token": key.Token, "listed": listed}, err
}

func domains() (answer, error) {
	domain, err := client.Domains.Create(&resend.CreateDomainRequest{Name: os.Getenv("INTEROP_DOMAIN")})
	if err != nil {
		return nil, err
	}
	entries, err := client.Domains.List()
	if err != nil {
		return nil, err
	}
	listed := []string{}
	for _, entry := range entries.Data {
		listed = append(listed, entry.Id)
	}
	got, err := client.Domains.Get(domain.Id)
	if err != nil {
		return nil, err
	}
	if _, err := client.Domains.Verify(domain.Id); err != nil {
		return nil, err
	}
	changes := &resend.UpdateDomainRequest{}
	changes.SetOpenTracking(false)
	if _, err := client.Domains.Update(domain.Id, changes); err != nil {
		return nil, err
	}
	_, err = client.Domains.Remove(domain.Id)
	return answer{"id": domain.Id, "name": got.Name, "records": domain.Records, "listed": listed}, err
}

func domainVerified() (answer, error) {
	entries, err := client.Domains.List()
	if err != nil {
		return nil, err
	}
	verified := []string{}
	for _, entry := range entries.Data {
		if entry.Status == resend.DomainStatusVerified {
			verified = append(verified, entry.Name)
		}
	}
	return answer{"verified": verified}, nil
}

func sending(change func(*resend.SendEmailRequest)) func() (answer, error) {
	return func() (answer, error) { return send(change) }
}

func main() {
	cases := map[string]func() (answer, error){
		"send":              sending(unchanged),
		"all_fields":        sending(allFields),
		"display_name":      sending(func(r *resend.SendEmailRequest) { r.From = "Acme, Inc. <" + from + ">" }),
		"mail_headers":      sending(mailHeaders),
		"scheduled":         sending(func(r *resend.SendEmailRequest) { r.ScheduledAt = os.Getenv("INTEROP_TIME") }),
		"attachment_bytes":  sending(attachments),
		"attachment_inline": sending(inline),
		"batch":             func() (answer, error) { return batch("second-"+to, &resend.BatchSendEmailOptions{}) },
		"batch_permissive": func() (answer, error) {
			return batch("nobody", &resend.BatchSendEmailOptions{BatchValidation: resend.BatchValidationPermissive})
		},
		"idempotency":         idempotency,
		"list":                list,
		"get":                 get,
		"attachment_download": attachmentDownload,
		"update":              update,
		"cancel":              cancel,
		"suppressions":        suppressions,
		"api_keys":            apiKeys,
		"domains":             domains,
		"domain_verified":     domainVerified,
		"bad_address":         sending(func(r *resend.SendEmailRequest) { r.To = []string{"nobody"} }),
		"wrong_key":           sending(unchanged),
		"cancel_too_late":     cancel,
		"gateway_429":         sending(unchanged),
	}
	result := answer{"na": "The client has no such call."}
	if selected, offered := cases[os.Args[1]]; offered {
		if found, err := selected(); err != nil {
			result = answer{"error": err.Error()}
		} else {
			result = answer{"answer": found}
		}
	}
	text, _ := json.Marshal(result)
	fmt.Println(string(text))
}
