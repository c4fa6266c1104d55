using System;
using System.Collections.Generic;
using System.Linq;
using System.Security.Cryptography;
using System.Text;
using System.Threading;
using MqttLink;
using nanoFramework.M2Mqtt;
using nanoFramework.M2Mqtt.Messages;
using Client = nanoFramework.M2Mqtt.MqttClient;

namespace M2MqttExamples
{
    /// <summary>An authentication flow in the manner of SCRAM-SHA-256 (RFC 5802): neither side sends the password, and
    /// each proves to the other that it knows it.</summary>
    internal static class Scram
    {
        internal const string Method = "SCRAM-SHA-256";
        internal const string User = "alice";
        internal const string Password = "pencil";

        internal static bool Run(string host, int port)
        {
            string nonce = Guid.NewGuid().ToString("N");
            string first = "n=" + User + ",r=" + nonce;
            byte[] expected = null;
            using (Client client = new Client(host, port, false, null, null, MqttSslProtocols.None))
            using (ManualResetEvent verified = new ManualResetEvent(false))
            {
                client.ProtocolVersion = MqttProtocolVersion.Version_5;
                client.IsAuthenticationFlow = true;
                client.AuthenticationMethod = Method;
                client.AuthenticationData = Encoding.UTF8.GetBytes("n,," + first);
                client.Authentication += (sender, e) =>
                {
                    string challenge = Encoding.UTF8.GetString(e.Message.AuthenticationData);
                    Console.WriteLine("the server asks: " + challenge);
                    Proof proof = new Proof(Password, first, challenge);
                    expected = proof.Server;
                    client.SendAuthentication(new MqttMsgAuthentication
                    {
                        ReasonCode = MqttReasonCode.ContinueAuthentication,
                        AuthenticationMethod = Method,
                        AuthenticationData = Encoding.UTF8.GetBytes(proof.Answer)
                    });
                };
                client.ConnectionOpened += (sender, e) =>
                {
                    string final = Encoding.UTF8.GetString(e.Message.AuthenticationData ?? new byte[0]);
                    if (final == "v=" + Convert.ToBase64String(expected ?? new byte[0]))
                    {
                        verified.Set();
                    }
                };
                client.Connect("scram-example");
                bool done = verified.WaitOne(10000);
                Console.WriteLine("both sides know the password: " + done);
                client.Close();
                return done;
            }
        }

        /// <summary>What both sides compute from the password and the messages (RFC 5802, section 3).</summary>
        internal sealed class Proof
        {
            internal Proof(string password, string first, string challenge)
            {
                Dictionary<string, string> parts = challenge.Split(',')
                    .ToDictionary(part => part.Substring(0, 1), part => part.Substring(2));
                byte[] salted = Salted(password, Convert.FromBase64String(parts["s"]), int.Parse(parts["i"]));
                string withoutProof = "c=biws,r=" + parts["r"];
                byte[] message = Encoding.UTF8.GetBytes(first + "," + challenge + "," + withoutProof);
                byte[] key = Hmac(salted, Encoding.UTF8.GetBytes("Client Key"));
                byte[] stored;
                using (SHA256 sha = SHA256.Create())
                {
                    stored = sha.ComputeHash(key);
                }

                byte[] signature = Hmac(stored, message);
                byte[] proof = key.Zip(signature, (one, other) => (byte)(one ^ other)).ToArray();
                Answer = withoutProof + ",p=" + Convert.ToBase64String(proof);
                Server = Hmac(Hmac(salted, Encoding.UTF8.GetBytes("Server Key")), message);
            }

            /// <summary>The client's last message.</summary>
            internal string Answer { get; }

            /// <summary>What the server proves itself with.</summary>
            internal byte[] Server { get; }

            private static byte[] Salted(string password, byte[] salt, int rounds)
            {
                byte[] key = Encoding.UTF8.GetBytes(password);
                byte[] last = Hmac(key, salt.Concat(new byte[] { 0, 0, 0, 1 }).ToArray());
                byte[] sum = (byte[])last.Clone();
                for (int round = 1; round < rounds; round++)
                {
                    last = Hmac(key, last);
                    sum = sum.Zip(last, (one, other) => (byte)(one ^ other)).ToArray();
                }

                return sum;
            }

            private static byte[] Hmac(byte[] key, byte[] message)
            {
                using (HMACSHA256 hmac = new HMACSHA256(key))
                {
                    return hmac.ComputeHash(message);
                }
            }
        }

        /// <summary>The server's side, for the broker of the examples.</summary>
        internal sealed class ServerSide : IMqttExchange
        {
            private string first;
            private Proof expected;

            public MqttExchangeStep Step(byte[] data)
            {
                string text = Encoding.UTF8.GetString(data ?? new byte[0]);
                if (first == null)
                {
                    first = text.Substring(3);
                    string salt = Convert.ToBase64String(Encoding.ASCII.GetBytes("some salt"));
                    string challenge = first.Split(',')[1] + Guid.NewGuid().ToString("N") + ",s=" + salt + ",i=4096";
                    expected = new Proof(Password, first, challenge);
                    return MqttExchangeStep.Continue(Encoding.UTF8.GetBytes(challenge));
                }

                return text == expected.Answer
                    ? MqttExchangeStep.Accept(
                        Encoding.UTF8.GetBytes("v=" + Convert.ToBase64String(expected.Server)), User)
                    : MqttExchangeStep.Refuse();
            }
        }
    }
}
