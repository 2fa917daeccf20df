/* A plugin that gives MySQL 8.0.15 the read-only variable polardb_version, for --plugin-load-add.
 *
 * The structures are those of include/mysql/plugin.h, whose names the server looks up; no header is needed. */

typedef struct {
  int flags;
  const char *name, *comment;
  int (*check)(void);
  void (*update)(void);
  char **value;
  const char *initially;
} variable;

typedef struct {
  int type;
  void *info;
  const char *name, *author, *description;
  int license;
  int (*init)(void *), (*check_uninstall)(void *), (*deinit)(void *);
  unsigned version;
  void *status_variables;
  variable **system_variables;
  void *reserved;
  unsigned long flags;
} plugin;

enum { DAEMON = 3, GPL = 1, TEXT = 5, READ_ONLY = 0x200, SERVER = 80015 };

static char *revision;
static variable version = {TEXT | READ_ONLY, "version", "The revision a PolarDB says it is", 0, 0, &revision, ""};
static variable *variables[] = {&version, 0};
static int daemon_version = SERVER << 8;

int _mysql_plugin_interface_version_ = 0x0107;
int _mysql_sizeof_struct_st_plugin_ = sizeof(plugin);
plugin _mysql_plugin_declarations_[] = {
    {DAEMON, &daemon_version, "polardb", "", "polardb_version", GPL, 0, 0, 0, 1, 0, variables, 0, 0}, {0}};
