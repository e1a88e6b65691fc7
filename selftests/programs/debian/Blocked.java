// SPDX-License-Identifier: GPL-2.0
/* A thread blocked in a socket that another one closes: Blocked accept | read */
import java.net.ServerSocket;
import java.net.Socket;

public class Blocked {
	public static void main(String[] args) throws Exception {
		ServerSocket listener = new ServerSocket(0);
		Socket client = new Socket("127.0.0.1", listener.getLocalPort());
		boolean accept = args[0].equals("accept");

		if (accept)
			listener.accept();
		Thread thread = new Thread(() -> {
			try {
				if (accept)
					listener.accept();
				else
					client.getInputStream().read();
				System.out.println("it returned");
			} catch (Exception e) {
				System.out.println("ended: " + e.getMessage());
			}
		});
		thread.setDaemon(true);
		thread.start();
		Thread.sleep(1000);
		if (accept)
			listener.close();
		else
			client.close();
		thread.join(5000);
		if (thread.isAlive())
			System.out.println("still blocked");
	}
}
