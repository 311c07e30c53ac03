// The keys that all processes of one database share (table shared_secret), given to whoever needs them once they are
// read.
#pragma once

#include <functional>
#include <string>
#include <thread>

namespace wellhead::api {

class SharedSecrets {
 public:
  // take: given each key by its name, once, from whatever thread reads them.
  SharedSecrets(std::string database_url, std::function<void(const std::string& name, const std::string& key)> take);
  ~SharedSecrets();  // stops
  SharedSecrets(const SharedSecrets&) = delete;
  SharedSecrets& operator=(const SharedSecrets&) = delete;

  // Reads them; if the database does not give them, tries again every second on a thread of its own.
  void start();
  void stop();

 private:
  bool read();

  std::string database_url_;
  std::function<void(const std::string& name, const std::string& key)> take_;
  std::jthread thread_;
};

}  // namespace wellhead::api
