import java.nio.file.Path;
import java.util.Collections;
import java.util.Map;
import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;

/** One OpenSearch node without the distribution's launcher, which no registry has. Arguments: path.home, path.conf. */
public class NodeMain extends Node {
  NodeMain(Environment environment) {
    super(environment, Collections.emptyList(), false);
  }

  public static void main(String[] arguments) throws Exception {
    System.setProperty("opensearch.path.home", arguments[0]);
    Settings settings = Settings.builder().put("path.home", arguments[0]).build();
    Environment environment =
        InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), Path.of(arguments[1]), () -> "node");
    Node node = new NodeMain(environment);
    Runtime.getRuntime().addShutdownHook(new Thread(() -> close(node)));
    node.start();
    Thread.currentThread().join();
  }

  private static void close(Node node) {
    try {
      node.close();
    } catch (Exception e) {
      e.printStackTrace();
    }
  }
}
