#include "library/storage/blob/s3_dialect.h"

#include <fmt/format.h>

#include <algorithm>
#include <pugixml.hpp>
#include <sstream>
#include <utility>

#include "library/meta/digest.h"
#include "library/meta/error.h"
#include "library/storage/blob/object_answer.h"
#include "library/storage/blob/s3_refusal.h"
#include "library/storage/blob/signature.h"

namespace wellhead::storage {
namespace {

using Addressing = ObjectStoreSettings::Addressing;
using Parameters = std::vector<std::pair<std::string, std::string>>;

// S3's own limit.
constexpr std::uint64_t kMostParts = 10'000;

std::string document_text(const pugi::xml_document& document) {
  std::ostringstream text;
  document.save(text, "", pugi::format_raw);
  return text.str();
}

std::string base64_of_hex(const std::string& hex) { return base64(hex_to_bytes(hex)); }

class S3Dialect final : public ObjectDialect {
 public:
  S3Dialect(StorePlace place, const ObjectStoreSettings& settings)
      : place_(std::move(place)),
        region_(settings.region),
        access_key_(settings.access_key),
        secret_key_(settings.secret_key),
        session_token_(settings.session_token) {
    const auto endpoint =
        settings.endpoint.empty() ? aws_endpoint() : checked_endpoint(settings.endpoint, "AWS_ENDPOINT_URL");
    // A dot in a bucket's name would not fit the certificate of AWS's hosts.
    const bool dotted = place_.bucket.find('.') != std::string::npos;
    const bool in_path = settings.addressing == Addressing::path ||
                         (settings.addressing == Addressing::automatic && (!settings.endpoint.empty() || dotted));
    const auto host = endpoint.find("://") + 3;
    bucket_url_ = in_path ? endpoint + "/" + place_.bucket
                          : endpoint.substr(0, host) + place_.bucket + "." + endpoint.substr(host);
    name_ = fmt::format("s3://{}", place_.bucket);
    if (!place_.prefix.empty()) name_ += "/" + place_.prefix.substr(0, place_.prefix.size() - 1);
    name_ += fmt::format(" ({})", endpoint);
    // Google's store signs like S3 and knows neither its checksums nor its conditional writes.
    google_ = endpoint.ends_with("storage.googleapis.com");
    list_page_ = settings.list_page;
  }

  std::string name() const override { return name_; }
  std::vector<std::string> secrets() const override { return {access_key_, secret_key_, session_token_}; }
  bool conditional() const override { return !google_; }
  bool wants_md5() const override { return false; }
  std::uint64_t most_parts() const override { return kMostParts; }

  ObjectRequest make_bucket() const override {
    auto request = text_request("PUT", bucket_url_ + "/", {}, {});
    if (region_ != "us-east-1" && !google_) {
      pugi::xml_document document;
      auto root = document.append_child("CreateBucketConfiguration");
      root.append_attribute("xmlns") = "http://s3.amazonaws.com/doc/2006-03-01/";
      root.append_child("LocationConstraint").text() = region_.c_str();
      request = text_request("PUT", bucket_url_ + "/", {}, document_text(document));
    }
    return request;
  }

  ObjectRequest put(const BlobKey& key, const Content& content, bool if_absent) const override {
    auto request = content_request(url_of(key), content);
    if (if_absent) request.headers.emplace_back("if-none-match: *");
    return request;
  }

  ObjectRequest get(const BlobKey& key, std::uint64_t offset, std::optional<std::uint64_t> length,
                    const std::string& etag) const override {
    auto request = text_request("GET", url_of(key), {}, {});
    if (length) {
      request.headers.push_back(fmt::format("range: bytes={}-{}", offset, offset + *length - 1));
    } else if (offset > 0) {
      request.headers.push_back(fmt::format("range: bytes={}-", offset));
    }
    if (!etag.empty()) request.headers.push_back("if-match: " + etag);
    return request;
  }

  ObjectRequest head(const BlobKey& key) const override {
    auto request = text_request("HEAD", url_of(key), {}, {});
    if (!google_) request.headers.emplace_back("x-amz-checksum-mode: ENABLED");
    return request;
  }

  ObjectRequest remove(const BlobKey& key) const override { return text_request("DELETE", url_of(key), {}, {}); }

  ObjectRequest list(std::string_view prefix, const std::string& continuation) const override {
    Parameters parameters = {
        {"list-type", "2"}, {"max-keys", std::to_string(list_page_)}, {"prefix", place_.prefix + std::string(prefix)}};
    if (!continuation.empty()) parameters.emplace_back("continuation-token", continuation);
    return text_request("GET", bucket_url_ + "/", std::move(parameters), {});
  }

  std::optional<Page> read_list(const std::string& body) const override {
    pugi::xml_document document;
    const auto root =
        document.load_buffer(body.data(), body.size()) ? document.child("ListBucketResult") : pugi::xml_node();
    if (!root) return std::nullopt;
    Page page;
    for (const auto entry : root.children("Contents")) {
      const std::string_view key = entry.child_value("Key");
      if (!key.starts_with(place_.prefix)) continue;
      page.blobs.push_back({{std::string(key.substr(place_.prefix.size()))}, entry.child("Size").text().as_ullong()});
    }
    page.next = root.child_value("NextContinuationToken");
    return page;
  }

  std::optional<ObjectRequest> begin_parts(const BlobKey& key) const override {
    auto request = text_request("POST", url_of(key), {{"uploads", ""}}, {});
    if (!google_) request.headers.emplace_back("x-amz-checksum-algorithm: SHA256");
    return request;
  }

  std::string upload_of(const BlobKey& /*key*/, const std::string& body) const override {
    pugi::xml_document document;
    if (!document.load_buffer(body.data(), body.size())) return {};
    return document.child("InitiateMultipartUploadResult").child_value("UploadId");
  }

  ObjectRequest put_part(const BlobKey& key, const std::string& upload, int number,
                         const Content& content) const override {
    return content_request(url_of(key) + "?" + query_of({{"partNumber", std::to_string(number)}, {"uploadId", upload}}),
                           content);
  }

  ObjectRequest complete_parts(const BlobKey& key, const std::string& upload, const std::vector<UploadedPart>& parts,
                               const Content& /*whole*/) const override {
    pugi::xml_document document;
    auto root = document.append_child("CompleteMultipartUpload");
    root.append_attribute("xmlns") = "http://s3.amazonaws.com/doc/2006-03-01/";
    for (std::size_t at = 0; at < parts.size(); ++at) {
      auto part = root.append_child("Part");
      part.append_child("PartNumber").text() = static_cast<unsigned>(at + 1);
      part.append_child("ETag").text() = parts[at].etag.c_str();
      if (!google_) part.append_child("ChecksumSHA256").text() = base64_of_hex(parts[at].sha256).c_str();
    }
    return text_request("POST", url_of(key), {{"uploadId", upload}}, document_text(document));
  }

  std::optional<ObjectRequest> abort_parts(const BlobKey& key, const std::string& upload) const override {
    return text_request("DELETE", url_of(key), {{"uploadId", upload}}, {});
  }

  bool proves(const ObjectAnswer& head, const Content& content, std::uint64_t part_bytes) const override {
    if (head.header("content-length") != std::to_string(content.length)) return false;
    const auto stored = head.header("x-amz-checksum-sha256");
    if (stored.empty()) return false;
    if (stored == base64_of_hex(content.sha256)) return true;
    if (content.length <= part_bytes) return false;
    // Of an upload in parts: the digest of the parts' digests, and how many they are.
    std::string digests;
    std::uint64_t count = 0;
    for (std::uint64_t at = 0; at < content.length; at += part_bytes, ++count)
      digests += hex_to_bytes(content.spool->sha256(at, std::min(part_bytes, content.length - at)));
    return stored == fmt::format("{}-{}", base64_of_hex(meta::sha256_hex(digests)), count);
  }

  bool genuine(const ObjectAnswer& answer) const override {
    return !answer.header("etag").empty() || !answer.header("x-amz-request-id").empty() ||
           !answer.header("x-guploader-uploadid").empty();
  }

  Refusal refusal(const ObjectRequest& request, const ObjectAnswer& answer) const override {
    return s3_refusal(request, answer, place_.bucket);
  }

 private:
  std::string aws_endpoint() const {
    return fmt::format("https://s3.{}.amazonaws.com{}", region_, region_.starts_with("cn-") ? ".cn" : "");
  }

  // Keys are digests between prefix and suffix; what else a caller may ask for is encoded.
  std::string url_of(const BlobKey& key) const {
    auto url = bucket_url_ + "/" + place_.prefix;
    for (const char c : key.text) url += c == '/' ? "/" : percent_encoded({&c, 1});
    return url;
  }

  ObjectRequest signed_request(std::string method, std::string url, const std::string& body_sha256) const {
    ObjectRequest request;
    request.method = std::move(method);
    request.url = std::move(url);
    request.headers.push_back("x-amz-content-sha256: " + body_sha256);
    if (!session_token_.empty()) request.headers.push_back("x-amz-security-token: " + session_token_);
    request.signature = fmt::format("aws:amz:{}:s3", region_);
    request.user = access_key_;
    request.password = secret_key_;
    return request;
  }

  ObjectRequest text_request(std::string method, const std::string& url, Parameters parameters,
                             std::string text) const {
    const auto query = query_of(std::move(parameters));
    auto request = signed_request(std::move(method), query.empty() ? url : url + "?" + query, meta::sha256_hex(text));
    if (!text.empty()) request.headers.emplace_back("content-type: application/xml");
    request.text = std::move(text);
    return request;
  }

  ObjectRequest content_request(std::string url, const Content& content) const {
    auto request = signed_request("PUT", std::move(url), content.sha256);
    if (!google_) request.headers.push_back("x-amz-checksum-sha256: " + base64_of_hex(content.sha256));
    request.headers.emplace_back("content-type: application/octet-stream");
    request.spool = content.spool;
    request.offset = content.offset;
    request.length = content.length;
    return request;
  }

  StorePlace place_;
  std::string region_, access_key_, secret_key_, session_token_;
  std::string bucket_url_, name_;
  bool google_ = false;
  int list_page_ = 1000;
};

}  // namespace

std::unique_ptr<ObjectDialect> make_s3_dialect(std::string_view place, const ObjectStoreSettings& settings) {
  if (settings.access_key.empty() || settings.secret_key.empty()) {
    throw meta::Error(meta::ErrorCode::invalid_setting, "the blob store s3:// has no keys",
                      "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or their _FILE variants");
  }
  return std::make_unique<S3Dialect>(parse_place(place, "s3"), settings);
}

}  // namespace wellhead::storage
