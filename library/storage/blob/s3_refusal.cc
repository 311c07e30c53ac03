#include "library/storage/blob/s3_refusal.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>

#include "library/storage/blob/object_answer.h"

namespace wellhead::storage {
namespace {

struct Known {
  std::string_view code;
  Meaning meaning;
  std::string_view advice;
};

constexpr std::string_view kKeys = "Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or their _FILE variants)";
constexpr std::string_view kToken = "Get fresh temporary keys and set AWS_SESSION_TOKEN with them";
constexpr std::string_view kClock = "Set this machine's clock (NTP): signatures are good for 15 minutes";
constexpr std::string_view kRegion = "Set AWS_REGION to the bucket's region";
constexpr std::string_view kRights = "Let this access key read, write, list and delete in the bucket";
constexpr std::string_view kFull = "Free disk space at the store or make it larger; then `wellhead runs retry`";
constexpr std::string_view kBucket =
    "Make the bucket, check WELLHEAD_BLOB_URL, or set WELLHEAD_CREATE_BUCKET=yes to have it made";
constexpr std::string_view kNoStore =
    "Check that AWS_ENDPOINT_URL is the address of an S3 API (MinIO: not its console)";
// MinIO says so of an object that is damaged on its disks, and of one whose disks are away.
constexpr std::string_view kUnreadable =
    "If it stays so, the object is damaged at the store: look at its log, or remove the object and load again";
constexpr std::chrono::seconds kUnreadableLimit{5};
constexpr std::string_view kBusy = "Try again later, or lower WELLHEAD_CONCURRENCY";

constexpr auto kKnown = std::to_array<Known>({
    {"NoSuchKey", Meaning::no_blob, {}},
    {"NoSuchBucket", Meaning::no_bucket, kBucket},
    {"PreconditionFailed", Meaning::changed, {}},
    {"InvalidRange", Meaning::out_of_range, {}},
    {"NotImplemented", Meaning::not_implemented, {}},
    {"NoSuchUpload", Meaning::no_upload, {}},
    {"XMinioStorageFull", Meaning::full, kFull},
    {"QuotaExceeded", Meaning::full, kFull},
    {"XMinioAdminBucketQuotaExceeded", Meaning::full, kFull},
    {"InvalidAccessKeyId", Meaning::refused, kKeys},
    {"SignatureDoesNotMatch", Meaning::refused, kKeys},
    {"InvalidToken", Meaning::refused, kToken},
    {"InvalidTokenId", Meaning::refused, kToken},
    {"ExpiredToken", Meaning::refused, kToken},
    {"RequestTimeTooSkewed", Meaning::refused, kClock},
    {"AuthorizationHeaderMalformed", Meaning::refused, kRegion},
    {"PermanentRedirect", Meaning::refused, kRegion},
    {"IllegalLocationConstraintException", Meaning::refused, kRegion},
    {"InvalidLocationConstraint", Meaning::refused, kRegion},
    {"InvalidRegion", Meaning::refused, kRegion},
    {"AccessDenied", Meaning::refused, kRights},
    {"AllAccessDisabled", Meaning::refused, kRights},
    {"AccountProblem", Meaning::refused, kRights},
    {"SlowDown", Meaning::busy, kBusy},
    {"SlowDownRead", Meaning::busy, kUnreadable},
    {"SlowDownWrite", Meaning::busy, kBusy},
    {"RequestTimeout", Meaning::busy, kBusy},
    {"InternalError", Meaning::busy, "The store's own log says more"},
    {"ServiceUnavailable", Meaning::busy, kBusy},
    {"OperationAborted", Meaning::busy, kBusy},
    {"ConditionalRequestConflict", Meaning::busy, kBusy},
});

Known by_status(int status) {
  switch (status) {
    case 401:
    case 403:
      return {"", Meaning::refused, kRights};
    case 301:
    case 307:
      return {"", Meaning::refused, kRegion};
    case 408:
    case 429:
    case 500:
    case 502:
    case 503:
    case 504:
      return {"", Meaning::busy, "The store's own log says more"};
    case 412:
      return {"", Meaning::changed, {}};
    case 416:
      return {"", Meaning::out_of_range, {}};
    case 501:
      return {"", Meaning::not_implemented, {}};
    case 507:
      return {"", Meaning::full, kFull};
    default:
      return {"", Meaning::failed, "The store's own log says more"};
  }
}

}  // namespace

Refusal s3_refusal(const ObjectRequest& request, const ObjectAnswer& answer, const std::string& bucket) {
  auto error = read_error(answer.body);
  // An answer to HEAD has no body.
  if (!error && request.method == "HEAD") {
    if (const auto code = answer.header("x-minio-error-code"); !code.empty())
      error = StoreError{code, answer.header("x-minio-error-desc")};
  }
  auto meaning = by_status(answer.status);
  const auto* known = error ? std::ranges::find(kKnown, error->code, &Known::code) : kKnown.end();
  if (known != kKnown.end()) meaning = *known;
  // So MinIO says when the disk was full only in the middle.
  if (error && error->message.find("no space left on device") != std::string::npos)
    meaning = {"", Meaning::full, kFull};
  Refusal refusal{meaning.meaning, std::to_string(answer.status), std::string(meaning.advice)};
  if (error) {
    refusal.text += " " + error->code + (error->message.empty() ? "" : ": " + error->message);
  } else if (request.method == "HEAD" && answer.status == 404) {
    refusal.meaning = Meaning::no_blob;
  } else if (request.method != "HEAD" && (answer.status < 500 || answer.status == 501)) {
    const auto body = describe_body(answer);
    refusal = {Meaning::no_store,
               fmt::format("the answer {} is none of an S3 store{}{}", answer.status, body.empty() ? "" : ": ", body),
               std::string(kNoStore)};
  }
  if (meaning.advice == kUnreadable) refusal.limit = kUnreadableLimit;
  if (refusal.meaning == Meaning::no_bucket) refusal.text += fmt::format(" ({})", bucket);
  if (const auto region = answer.header("x-amz-bucket-region"); !region.empty() && refusal.advice == kRegion)
    refusal.advice += ", which is " + region;
  return refusal;
}

}  // namespace wellhead::storage
