#include "library/storage/blob/azure_dialect.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <map>
#include <pugixml.hpp>
#include <utility>

#include "library/meta/error.h"
#include "library/storage/blob/azure_refusal.h"
#include "library/storage/blob/object_answer.h"
#include "library/storage/blob/signature.h"

namespace wellhead::storage {
namespace {

using Parameters = std::vector<std::pair<std::string, std::string>>;
using Headers = std::map<std::string, std::string>;  // names in lower case

constexpr auto kVersion = "2021-12-02";
constexpr std::uint64_t kMostBlocks = 50'000;

// RFC 1123, which fmt writes in the C locale's words.
std::string date_now() { return fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT", fmt::gmtime(std::time(nullptr))); }

std::string block_id(std::size_t number) { return base64(fmt::format("{:06}", number)); }

std::string path_of(std::string_view url) {
  const auto path = url.find('/', url.find("://") + 3);
  return path == std::string_view::npos ? "/" : std::string(url.substr(path));
}

class AzureDialect final : public ObjectDialect {
 public:
  AzureDialect(StorePlace place, const ObjectStoreSettings& settings)
      : place_(std::move(place)),
        account_(settings.azure_account),
        shown_key_(settings.azure_key),
        key_(from_base64(settings.azure_key, "AZURE_STORAGE_KEY")),
        sas_(settings.azure_sas),
        list_page_(settings.list_page) {
    if (sas_.starts_with('?')) sas_.erase(0, 1);
    const auto endpoint = settings.azure_endpoint.empty()
                              ? fmt::format("https://{}.blob.core.windows.net", account_)
                              : checked_endpoint(settings.azure_endpoint, "AZURE_STORAGE_ENDPOINT");
    container_url_ = endpoint + "/" + place_.bucket;
    name_ = fmt::format("azure://{}", place_.bucket);
    if (!place_.prefix.empty()) name_ += "/" + place_.prefix.substr(0, place_.prefix.size() - 1);
    name_ += fmt::format(" ({})", endpoint);
  }

  std::string name() const override { return name_; }
  std::vector<std::string> secrets() const override { return {shown_key_, sas_}; }
  bool conditional() const override { return true; }
  bool wants_md5() const override { return true; }
  std::uint64_t most_parts() const override { return kMostBlocks; }

  ObjectRequest make_bucket() const override { return text_request("PUT", container_url_, {{"restype", "container"}}); }

  ObjectRequest put(const BlobKey& key, const Content& content, bool if_absent) const override {
    Headers headers = {{"x-ms-blob-type", "BlockBlob"}};
    if (if_absent) headers["if-none-match"] = "*";
    return content_request(key, {}, std::move(headers), content);
  }

  ObjectRequest get(const BlobKey& key, std::uint64_t offset, std::optional<std::uint64_t> length,
                    const std::string& etag) const override {
    Headers headers;
    if (length) {
      headers["x-ms-range"] = fmt::format("bytes={}-{}", offset, offset + *length - 1);
    } else if (offset > 0) {
      headers["x-ms-range"] = fmt::format("bytes={}-", offset);
    }
    if (!etag.empty()) headers["if-match"] = etag;
    return text_request("GET", url_of(key), {}, std::move(headers));
  }

  ObjectRequest head(const BlobKey& key) const override { return text_request("HEAD", url_of(key), {}); }
  ObjectRequest remove(const BlobKey& key) const override { return text_request("DELETE", url_of(key), {}); }

  ObjectRequest list(std::string_view prefix, const std::string& continuation) const override {
    Parameters parameters = {{"comp", "list"},
                             {"maxresults", std::to_string(list_page_)},
                             {"prefix", place_.prefix + std::string(prefix)},
                             {"restype", "container"}};
    if (!continuation.empty()) parameters.emplace_back("marker", continuation);
    return text_request("GET", container_url_, std::move(parameters));
  }

  std::optional<Page> read_list(const std::string& body) const override {
    pugi::xml_document document;
    const auto root =
        document.load_buffer(body.data(), body.size()) ? document.child("EnumerationResults") : pugi::xml_node();
    if (!root) return std::nullopt;
    Page page;
    for (const auto blob : root.child("Blobs").children("Blob")) {
      const std::string_view key = blob.child_value("Name");
      if (!key.starts_with(place_.prefix)) continue;
      page.blobs.push_back({{std::string(key.substr(place_.prefix.size()))},
                            blob.child("Properties").child("Content-Length").text().as_ullong()});
    }
    page.next = root.child_value("NextMarker");
    return page;
  }

  // Blocks belong to the blob's name alone; what is never committed goes after a week.
  std::optional<ObjectRequest> begin_parts(const BlobKey& /*key*/) const override { return std::nullopt; }
  std::string upload_of(const BlobKey& key, const std::string& /*body*/) const override { return key.text; }
  std::optional<ObjectRequest> abort_parts(const BlobKey& /*key*/, const std::string& /*upload*/) const override {
    return std::nullopt;
  }

  ObjectRequest put_part(const BlobKey& key, const std::string& /*upload*/, int number,
                         const Content& content) const override {
    return content_request(key, {{"blockid", block_id(static_cast<std::size_t>(number))}, {"comp", "block"}}, {},
                           content);
  }

  ObjectRequest complete_parts(const BlobKey& key, const std::string& /*upload*/,
                               const std::vector<UploadedPart>& parts, const Content& whole) const override {
    std::string list = R"(<?xml version="1.0" encoding="utf-8"?><BlockList>)";
    for (std::size_t number = 1; number <= parts.size(); ++number) list += "<Latest>" + block_id(number) + "</Latest>";
    list += "</BlockList>";
    return text_request("PUT", url_of(key), {{"comp", "blocklist"}},
                        {{"x-ms-blob-content-md5", base64(hex_to_bytes(whole.md5))}}, std::move(list));
  }

  bool proves(const ObjectAnswer& head, const Content& content, std::uint64_t /*part_bytes*/) const override {
    return head.header("content-length") == std::to_string(content.length) &&
           head.header("content-md5") == base64(hex_to_bytes(content.md5));
  }

  bool genuine(const ObjectAnswer& answer) const override { return !answer.header("x-ms-request-id").empty(); }

  Refusal refusal(const ObjectRequest& request, const ObjectAnswer& answer) const override {
    return azure_refusal(request, answer, place_.bucket);
  }

 private:
  std::string url_of(const BlobKey& key) const {
    auto url = container_url_ + "/" + place_.prefix;
    for (const char c : key.text) url += c == '/' ? "/" : percent_encoded({&c, 1});
    return url;
  }

  ObjectRequest content_request(const BlobKey& key, Parameters parameters, Headers headers,
                                const Content& content) const {
    headers["content-md5"] = base64(hex_to_bytes(content.md5));
    headers["content-type"] = "application/octet-stream";
    ObjectRequest request;
    request.method = "PUT";
    request.spool = content.spool;
    request.offset = content.offset;
    request.length = content.length;
    sign(request, url_of(key), std::move(parameters), std::move(headers));
    return request;
  }

  ObjectRequest text_request(std::string method, const std::string& url, Parameters parameters, Headers headers = {},
                             std::string text = {}) const {
    ObjectRequest request;
    request.method = std::move(method);
    request.text = std::move(text);
    if (!request.text.empty()) headers["content-type"] = "application/xml";
    sign(request, url, std::move(parameters), std::move(headers));
    return request;
  }

  // "Authorize with Shared Key", or the signature that the token is.
  void sign(ObjectRequest& request, const std::string& url, Parameters parameters, Headers headers) const {
    headers["x-ms-version"] = kVersion;
    headers["x-ms-date"] = date_now();
    auto query = query_of(parameters);
    if (!sas_.empty()) query += (query.empty() ? "" : "&") + sas_;
    request.url = query.empty() ? url : url + "?" + query;
    if (sas_.empty()) {
      const auto signature = base64(hmac_sha256(key_, text_to_sign(request, url, std::move(parameters), headers)));
      headers["authorization"] = fmt::format("SharedKey {}:{}", account_, signature);
    }
    for (const auto& [name, value] : headers) request.headers.push_back(fmt::format("{}: {}", name, value));
  }

  std::string text_to_sign(const ObjectRequest& request, const std::string& url, Parameters parameters,
                           const Headers& headers) const {
    const auto length = request.spool != nullptr ? request.length : request.text.size();
    const auto value = [&](const char* name) {
      const auto found = headers.find(name);
      return found == headers.end() ? std::string() : found->second;
    };
    std::string text = request.method + "\n\n\n" + (length == 0 ? "" : std::to_string(length)) + "\n";
    for (const auto* name : {"content-md5", "content-type", "date", "if-modified-since", "if-match", "if-none-match",
                             "if-unmodified-since", "range"})
      text += value(name) + "\n";
    for (const auto& [name, content] : headers) {
      if (name.starts_with("x-ms-")) text.append(name).append(":").append(content).append("\n");
    }
    text += "/" + account_ + path_of(url);
    std::ranges::sort(parameters);
    for (const auto& [name, content] : parameters) text.append("\n").append(name).append(":").append(content);
    return text;
  }

  StorePlace place_;
  std::string account_, shown_key_, key_, sas_;
  std::string container_url_, name_;
  int list_page_;
};

}  // namespace

std::unique_ptr<ObjectDialect> make_azure_dialect(std::string_view place, const ObjectStoreSettings& settings) {
  const bool keys = !settings.azure_key.empty() || !settings.azure_sas.empty();
  if (settings.azure_account.empty() || !keys) {
    throw meta::Error(
        meta::ErrorCode::invalid_setting, "the blob store azure:// has no account or no key",
        "Set AZURE_STORAGE_ACCOUNT and either AZURE_STORAGE_KEY or AZURE_STORAGE_SAS_TOKEN, or their _FILE "
        "variants");
  }
  return std::make_unique<AzureDialect>(parse_place(place, "azure"), settings);
}

}  // namespace wellhead::storage
