package blob

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"

	"github.com/minio/minio-go/v7"

	"github.com/mivaa/mivaa/jobs"
)

// s3Trouble is trouble with the hints for a server.
func s3Trouble(op string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*jobs.StoreError](err); ok || errors.Is(err, ErrMissing) {
		return err
	}
	return &jobs.StoreError{Op: op, Err: err, Hint: s3Hint(err)}
}

func s3Code(err error) string {
	e, _ := errors.AsType[minio.ErrorResponse](err)
	return e.Code
}

// isAbsent reports that an object, or an upload, is not there.
func isAbsent(err error) bool {
	code := s3Code(err)
	return code == minio.NoSuchKey || code == minio.NoSuchUpload
}

// isThere reports that an object was not put because there is one, or somebody
// is about to put it.
func isThere(err error) bool {
	code := s3Code(err)
	return code == minio.PreconditionFailed || code == "ConditionalRequestConflict"
}

func s3Hint(err error) string {
	if hint := s3CodeHint(s3Code(err)); hint != "" {
		return hint
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "The certificate of the endpoint is not trusted: name its authority in SSL_CERT_FILE, or correct the endpoint."
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "The certificate of the endpoint is not trusted: name its authority in SSL_CERT_FILE, or correct the endpoint."
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return "The name of the endpoint is not known: correct it in --blob-url."
	}
	if _, ok := errors.AsType[net.Error](err); ok || errors.Is(err, errStalled) || errors.Is(err, errBroken) {
		return "The endpoint cannot be reached: check that the server runs and that --blob-url names its host, its port, and http or https as it speaks."
	}
	if errors.Is(err, errNoCredentials) {
		return "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or write them to ~/.aws/credentials."
	}
	return ""
}

func s3CodeHint(code string) string {
	switch code {
	case minio.NoSuchBucket:
		return "There is no such bucket: create it, or correct its name in --blob-url."
	case minio.InvalidAccessKeyID, "XAdminUserNotFound", "SignatureDoesNotMatch", "InvalidTokenId", "InvalidToken":
		return "The credentials are wrong: check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN."
	case "ExpiredToken", "ExpiredTokenException":
		return "The credentials have expired: renew them (AWS_SESSION_TOKEN)."
	case minio.AccessDenied, "AllAccessDisabled":
		return "The credentials may not do this: grant s3:ListBucket, s3:ListBucketMultipartUploads, s3:GetObject, s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload on the bucket and its objects."
	case "AuthorizationHeaderMalformed", "PermanentRedirect", "InvalidRegion":
		return "The bucket is in another region: give it in --blob-url (region=...)."
	case "RequestTimeTooSkewed":
		return "The clock of this machine is wrong: set it."
	case "QuotaExceeded", "EntityTooLarge", "XMinioStorageFull":
		return "The bucket takes no more: free some space or raise its quota."
	}
	return ""
}
