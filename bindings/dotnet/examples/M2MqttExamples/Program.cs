using System;
using MqttLink;

namespace M2MqttExamples
{
    /// <summary>
    /// Runs one of the examples: <c>NAME [HOST PORT]</c>, where NAME is subscriber, publisher, connection, scram, azure,
    /// or all. Without a host each has a broker of its own in the process.
    /// </summary>
    public static class Program
    {
        /// <summary>0 if the example did what it says.</summary>
        public static int Main(string[] arguments)
        {
            string name = arguments.Length > 0 ? arguments[0] : "all";
            bool isOther = arguments.Length == 3;
            using (MqttBroker broker = new MqttBroker(Brokers.Options()))
            {
                string host = isOther ? arguments[1] : "127.0.0.1";
                int port = isOther ? int.Parse(arguments[2]) : broker.Port;
                bool done = name == "all"
                    ? PubSub.Run(host, port) && Connection.Run(host, port) && Scram.Run(host, port)
                        && AzureShape.Run(host, port)
                    : RunOne(name, host, port);
                Console.WriteLine(done ? name + ": done" : name + ": failed");
                return done ? 0 : 1;
            }
        }

        private static bool RunOne(string name, string host, int port)
        {
            switch (name)
            {
                case "subscriber": return PubSub.Subscriber(host, port, 1);
                case "publisher": return PubSub.Publisher(host, port, "/home/temperature", "21.5");
                case "connection": return Connection.Run(host, port);
                case "scram": return Scram.Run(host, port);
                case "azure": return AzureShape.Run(host, port);
                default:
                    Console.Error.WriteLine("there is no example '" + name
                        + "': subscriber, publisher, connection, scram, azure and all are");
                    return false;
            }
        }
    }
}
